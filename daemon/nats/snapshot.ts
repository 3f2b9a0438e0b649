/**
 * What lies under some subjects of a stream now: the last record of each, by subject; also the empty ones.
 *
 * Fails: `StoreFault`; never an answer that is less than what a replica of the stream held at the time.
 */
import type { Log } from "../kit/log.ts";
import type { Link } from "./connect.ts";
import { Tail } from "./tail.ts";

export async function snapshot(
  link: Link,
  stream: string,
  filter: string,
  log: Log,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  await using tail = new Tail(link, {
    stream,
    filters: [filter],
    onMessage: ({ subject, data }) => {
      found.set(subject, data);
    },
    log,
  });
  await tail.start();
  await tail.caughtUp;
  return found;
}
