/**
 * Makes the mailbox streams. Creating is idempotent; replicas and size are brought up to date.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import type { Link } from "../connect.ts";
import { base, ensure } from "../streams.ts";
import { everything, mailStream } from "./subjects.ts";

export interface MailboxStreamSizes {
  /** 1 on a laptop, 3 in a cluster; 0: as it is found. */
  readonly replicas: number;
  /** Octets per stream; 0: as much as the server gives. */
  readonly bytes: number;
}

export async function ensureMailboxStreams(
  link: Link,
  shards: number,
  sizes: MailboxStreamSizes,
): Promise<void> {
  const jsm = await jetstreamManager(link.nc, { timeout: 10_000 });
  for (let i = 0; i < shards; i++)
    await ensure(jsm, {
      ...base(sizes),
      name: mailStream(i),
      subjects: [everything(i)],
      max_bytes: sizes.bytes || -1,
    });
}
