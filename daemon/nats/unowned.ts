/**
 * Jobs that nobody owns just now, read from the stream as an owner would know them: those of a policy without relays, or of
 * every policy while no daemon runs.
 *
 * Out:    entries as a schedule has them; `more` when there are more than `limit`, which were not read.
 * Fails:  `StoreFault`.
 */
import type { Log } from "../kit/log.ts";
import type { JobClass, PolicyName } from "../queue/job.ts";
import type { Entry } from "../queue/schedule.ts";
import { targetName, targetOfJob } from "../queue/target.ts";
import { decodeJob, partitionOf, policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { queueStream } from "./layout.ts";
import { Tail, type TailMessage } from "./tail.ts";

export interface Unowned {
  readonly class: JobClass;
  readonly policy: PolicyName;
}

export interface ReadEntries {
  readonly entries: readonly Entry[];
  readonly more: boolean;
}

export async function readUnowned(
  link: Link,
  shards: number,
  { class: cls, policy }: Unowned,
  limit: number,
  log: Log,
): Promise<ReadEntries> {
  const found = new Map<string, Entry>();
  for (let shard = 0; shard < shards; shard++) {
    const enough = Promise.withResolvers<void>();
    const onMessage = (message: TailMessage) => {
      const entry = entryOf(message);
      if (!entry) return void found.delete(message.subject);
      found.set(message.subject, entry);
      if (found.size >= limit) enough.resolve();
    };
    const filters = [`q${shard}.${cls}.${policyTokens(policy)}.>`];
    await using tail = new Tail(link, { stream: queueStream(shard), filters, onMessage, log });
    await tail.start();
    const end = await Promise.race([tail.caughtUp, enough.promise.then(() => "enough" as const)]);
    if (end === "enough") return { entries: [...found.values()], more: true };
  }
  return { entries: [...found.values()], more: false };
}

function entryOf({ subject, sequence, data, forged }: TailMessage): Entry | undefined {
  const queued = forged ? undefined : decodeJob(subject, sequence, data);
  if (!queued) return undefined;
  const { key, revision, job } = queued;
  return {
    key,
    revision,
    due: job.nextAttempt,
    partition: partitionOf(key),
    target: targetName(targetOfJob(job)),
    state: "waiting",
    wish: job.held ? "hold" : "none",
    untried: job.attempts === 0,
    queued: undefined,
    at: -1,
    keptIn: undefined,
  };
}
