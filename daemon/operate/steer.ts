/**
 * Carries out edits of jobs by compare-and-set, for commands and console alike. The owner of a job sees each edit through
 * its own subscription, so it works the same beside a running daemon, and while none runs.
 *
 * Out:    one result for each key, in order.
 * Fails:  `QueueError` when the store cannot be reached; what was changed by then stays changed, and trying again is safe.
 */
import type { TraceEvent } from "../queue/events.ts";
import type { JobKey } from "../queue/job.ts";
import { type Concerned, concerning } from "../queue/message-event.ts";
import type { Queue } from "../queue/queue.ts";
import type { Edit } from "./edit.ts";

export interface Steering {
  readonly queue: Pick<Queue, "read" | "settle" | "forget">;
  readonly edit: Edit;
  readonly record: (event: TraceEvent, about: Concerned) => void;
  readonly now: () => number;
}

/** `busy`: its owner settled an attempt each time we tried. */
export const editResults = ["changed", "gone", "busy"] as const;
export type EditResult = (typeof editResults)[number];

/** Edits under way at once: they share the store's commits. */
const AT_ONCE = 64;
/** The owner may settle an attempt in the same moment. */
const TRIES = 5;

export async function steer(
  steering: Steering,
  keys: readonly JobKey[],
  signal: AbortSignal,
  onDone: (from: number, results: readonly EditResult[]) => void = () => {},
): Promise<readonly EditResult[]> {
  const all: EditResult[] = [];
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE);
    const results = await Promise.all(some.map((key) => editOne(steering, key, signal)));
    onDone(at, results);
    all.push(...results);
  }
  return all;
}

async function editOne(
  { queue, edit, record, now }: Steering,
  key: JobKey,
  signal: AbortSignal,
): Promise<EditResult> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const queued = await queue.read(key, signal);
    if (!queued) return "gone";
    const { revision, inline, job } = queued;
    const next = edit.apply(job, now());
    const change = { key, revision, next, ...(inline ? { inline } : {}), also: [] };
    if ((await queue.settle(change, signal)) === "stale") continue;
    if (next === undefined) queue.forget(key, job);
    record({ at: now(), message: job.message, group: job.group, ...edit.event }, concerning(job));
    return "changed";
  }
  return "busy";
}
