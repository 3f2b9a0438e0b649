/**
 * How a job lies in its record: one line of JSON, LF, and the octets of an inline body. An empty record is a marker:
 * the job is gone. Keys become subjects by a leading `q`.
 */
import type { Domain } from "../mail/address.ts";
import type { Job, JobClass, JobKey, MessageId, PolicyName, Queued } from "../queue/job.ts";
import { BodyMissing } from "../queue/queue.ts";

const LF = 10;

export function encodeJob(job: Job, inline: Uint8Array | undefined): Uint8Array {
  const line = JSON.stringify(job);
  const length = Buffer.byteLength(line);
  if (job.body.kind !== "inline") {
    const record = Buffer.allocUnsafe(length + 1);
    record.write(line, 0, "utf8");
    record[length] = LF;
    return record;
  }
  if (inline?.length !== job.body.size) throw new BodyMissing(`inline body of ${job.message} is not at hand`);
  const record = Buffer.allocUnsafe(length + 1 + inline.length);
  record.write(line, 0, "utf8");
  record[length] = LF;
  record.set(inline, length + 1);
  return record;
}

/** `undefined` for a marker. Throws on a record that is not ours: the caller logs and leaves it alone. */
export function decodeJob(subject: string, revision: number, data: Uint8Array): Queued | undefined {
  if (data.length === 0) return undefined;
  const record = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = record.indexOf(LF);
  if (end < 0) throw new SyntaxError(`no job on ${subject}`);
  const job = JSON.parse(record.toString("utf8", 0, end)) as Job;
  const key = keyOf(subject);
  return job.body.kind === "inline"
    ? { key, revision, job, inline: record.subarray(end + 1) }
    : { key, revision, job };
}

export const subjectOf = (key: JobKey): string => `q${key}`;
export const keyOf = (subject: string): JobKey => subject.slice(1) as JobKey;

export function makeKey(
  shard: number,
  partitions: number,
  job: { class: JobClass; policy: PolicyName; destination: Domain; message: MessageId; group: number },
): JobKey {
  const partition = hash(job.destination) % partitions;
  return `${shard}.${job.class}.${policyTokens(job.policy)}.${partition}.${job.message}.${job.group}` as JobKey;
}

/**
 * `namespace/name` as two subject tokens, so that a permission can name the namespace. A namespace has no dots; those of
 * a name would end its token.
 */
export function policyTokens(policy: PolicyName): string {
  const slash = policy.indexOf("/");
  return `${policy.slice(0, slash)}.${policy.slice(slash + 1).replaceAll(".", "~")}`;
}

export const shardOfKey = (key: JobKey): number => Number(key.slice(0, key.indexOf(".")));

/** The partition, from a key or from a subject. */
export function partitionOf(key: string): number {
  const group = key.lastIndexOf(".");
  const message = key.lastIndexOf(".", group - 1);
  return Number(key.slice(key.lastIndexOf(".", message - 1) + 1, message));
}

/** FNV-1a over UTF-16 code units: stable for ever, since keys depend on it. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
