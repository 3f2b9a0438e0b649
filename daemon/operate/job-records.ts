/**
 * Jobs with all that their records say, for the commands: filtered by anything that is in them.
 *
 * A filter over records reads many: where it names class, policy or message, only theirs.
 * Fails: `CommandError` for a filter that is none; `StoreFault` when the store does not answer.
 */
import type { Recipient } from "../mail/envelope.ts";
import { type RecordsOf, readRecords } from "../nats/job-records.ts";
import { parseMessageId } from "../queue/ids.ts";
import type { Job, JobKey, PolicyName } from "../queue/job.ts";
import { type JobState, parseFilter, stateOf } from "./filter.ts";
import type { Installation } from "./installation.ts";

export type { RecordsOf };

/** Whoever knows a body's id may read it, and header fields are not for everybody: least of all whom a sender hid in Bcc. */
export type ToldJob = Omit<Job, "body" | "prepend" | "recipients"> & {
  readonly body: Omit<Job["body"], "id">;
  readonly recipients: readonly Omit<Recipient, "sent">[];
};

export interface JobRecord {
  readonly key: JobKey;
  readonly state: JobState;
  readonly job: ToldJob;
}

export interface RecordQuestion {
  readonly of: RecordsOf;
  /** As `--filter` of the commands. */
  readonly filter?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export async function recordPage(
  { link, layout, namespace, isPaused, now, log }: Installation,
  { of, filter, after, limit }: RecordQuestion,
  signal: AbortSignal,
): Promise<{ readonly records: readonly JobRecord[]; readonly after?: string }> {
  const fits = filter === undefined ? () => true : parseFilter([filter]);
  const wanted = { ...(filter === undefined ? {} : narrowed(filter)), ...of };
  const isElsewhere = wanted.policy !== undefined && !`${wanted.policy}`.startsWith(`${namespace}/`);
  if (namespace !== undefined && isElsewhere) return { records: [] };
  const at = now();
  const means = { link, shards: layout.shards, namespace, log };
  const paging = { fits: ({ job }: { readonly job: Job }) => fits(job, at, isPaused), after, limit };
  const { found, ...more } = await readRecords(means, wanted, paging);
  signal.throwIfAborted();
  return {
    records: found.map(({ key, job }) => ({ key, state: stateOf(job, at, isPaused), job: toldOf(job) })),
    ...more,
  };
}

export function toldOf({ prepend: _, body, recipients: all, ...job }: Job): ToldJob {
  const recipients = all.map(({ sent: _, ...recipient }) => recipient);
  if (body.kind === "inline") return { ...job, recipients, body };
  const { id: __, ...known } = body;
  return { ...job, recipients, body: known };
}

/** What of a filter the store can look for: then no other record is read. */
function narrowed(filter: string): RecordsOf {
  const exact = new Map(
    filter.split(",").flatMap((term) => {
      const at = term.indexOf("=");
      const value = term.slice(at + 1).trim();
      return at < 1 || value.includes("*") ? [] : [[term.slice(0, at).trim(), value.toLowerCase()] as const];
    }),
  );
  const message = parseMessageId(exact.get("message") ?? "");
  const cls = exact.get("class");
  const policy = exact.get("policy");
  return {
    ...(message === undefined ? {} : { message }),
    ...(cls === "relay" || cls === "local" ? { class: cls } : {}),
    ...(policy !== undefined && /^[a-z0-9-]+\/[a-z0-9.-]+$/.test(policy)
      ? { policy: policy as PolicyName }
      : {}),
  };
}
