/**
 * Makes the mailbox streams, and finds those of namespaces. Creating is idempotent; replicas and size are brought up to date.
 */
import type { Link } from "../connect.ts";
import { managerOf } from "../insist.ts";
import { base, ensure } from "../streams.ts";
import { everything, mailStream, type Shard } from "./subjects.ts";

/** Namespaces whose mailboxes lie in a stream of their own; for users who may list streams. */
export async function namespacesApart(link: Link): Promise<readonly string[]> {
  const jsm = await managerOf(link);
  const namespaces: string[] = [];
  for await (const name of jsm.streams.names()) if (name.startsWith("M-")) namespaces.push(name.slice(2));
  return namespaces.sort();
}

export interface MailboxStreamSizes {
  /** 1 on a laptop, 3 in a cluster; 0: as it is found. */
  readonly replicas: number;
  /** Octets per stream; 0: as much as the server gives. */
  readonly bytes: number;
}

/** `shards`: how many the installation has, or which ones. */
export async function ensureMailboxStreams(
  link: Link,
  shards: number | readonly Shard[],
  sizes: MailboxStreamSizes,
): Promise<void> {
  const jsm = await managerOf(link);
  const all = typeof shards === "number" ? Array.from({ length: shards }, (_, i) => i) : shards;
  for (const shard of all)
    await ensure(jsm, {
      ...base(sizes),
      name: mailStream(shard),
      subjects: [everything(shard)],
      max_bytes: sizes.bytes || -1,
    });
}
