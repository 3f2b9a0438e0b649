/**
 * Reads a stream with one record a subject page by page, in the order of the stream, and keeps nothing of it.
 *
 * A page goes on behind the last record of the one before. So what changes meanwhile comes once more, at the end, and nothing
 * is passed over.
 *
 * In:     `take`: hears each record; false ends the page.
 * Out:    the sequence to go on behind; `undefined` when everything was read.
 * Fails:  `StoreFault`.
 */
import type { Log } from "../kit/log.ts";
import type { Link } from "./connect.ts";
import { Tail, type TailMessage } from "./tail.ts";

export interface StreamPage {
  readonly stream: string;
  readonly filter: string;
  /** 0: from the beginning. */
  readonly after: number;
  readonly take: (message: TailMessage) => boolean;
  readonly log: Log;
}

export async function readPage(
  link: Link,
  { stream, filter, after, take, log }: StreamPage,
): Promise<number | undefined> {
  const enough = Promise.withResolvers<void>();
  let sequence = after;
  let isFull = false;
  const onMessage = (message: TailMessage) => {
    if (isFull) return;
    ({ sequence } = message);
    isFull = !take(message);
    if (isFull) enough.resolve();
  };
  const from = after === 0 ? {} : { after };
  await using tail = new Tail(link, { stream, filters: [filter], ...from, onMessage, log });
  await tail.start();
  await Promise.race([tail.caughtUp, enough.promise]);
  return isFull ? sequence : undefined;
}
