/**
 * The streams behind the directory: bucket `directory` (what is declared) and bucket `acks` (who has loaded what).
 * Both are key-value buckets in their layout, so that `nats kv` can look into them.
 */
import type { Link } from "../connect.ts";
import { managerOf } from "../insist.ts";
import { base, ensure } from "../streams.ts";
import { DIRECTORY_STREAM, directorySubjects } from "./record.ts";

export interface BucketOptions {
  /** 1 on a laptop, 3 in a cluster; 0: as it is found. */
  readonly replicas: number;
  /** The most that the bucket may hold, octets. JetStream sets it aside, so a small store needs a small bucket. */
  readonly bytes?: number;
}

const MOST_BYTES = 2 ** 30;

export async function ensureDirectory(
  link: Link,
  { replicas, bytes = MOST_BYTES }: BucketOptions,
): Promise<void> {
  if (link.confined !== undefined) return; // made by those who serve everybody
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas }),
    name: DIRECTORY_STREAM,
    subjects: [directorySubjects],
    max_bytes: Math.min(bytes, MOST_BYTES),
    allow_rollup_hdrs: true,
    deny_delete: true,
  });
}

export const ACKS_STREAM = "KV_acks";
export const ackSubjects = "$KV.acks.>";
const token = (text: string) => text.replace(/[^A-Za-z0-9_=-]/g, "_");
/** The namespace first, so that a permission can name it; `_` outside of a cluster. */
export const ackSubject = ({ namespace = "_", member }: { namespace?: string; member: string }): string =>
  `$KV.acks.${token(namespace)}.${token(member)}`;

/** In memory: each process renews its own within seconds. */
export async function ensureAcks(link: Link): Promise<void> {
  if (link.confined !== undefined) return;
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas: 1 }),
    storage: "memory",
    discard: "old",
    name: ACKS_STREAM,
    subjects: [ackSubjects],
    max_bytes: 16 << 20,
  });
}
