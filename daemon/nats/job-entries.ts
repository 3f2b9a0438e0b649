/**
 * What is written of jobs: their records, and the bodies that do not travel in them.
 *
 * In:     new messages and settlements.
 * Out:    entries for one batch. A body that is shared by too many jobs to travel with each is stored before; so is that of a job
 *         that stays longer, and is stored once more when it would end before the job.
 * Fails:  `StoreFault`; a settlement finds another way where the store has no room for a body.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Job } from "../queue/job.ts";
import type { FinishedBody, NewMessage, Settlement } from "../queue/queue.ts";
import type { Entry } from "./batch.ts";
import { type Bodies, newBodyId } from "./bodies.ts";
import { encodeJob, makeKey, subjectOf } from "./codec.ts";
import { StoreFault } from "./fault.ts";

/** How long a marker tells that a job is gone: longer than anyone would publish its record again. */
const MARKER_TTL = "600s";
/** The copies of an inline body over all jobs of a message, octets; beyond it the body is stored once. */
const INLINE_COPIES = 128 << 10;

const NOTHING = new Uint8Array();
/** Far below the margin by which bodies outlive the longest lifetime. */
const SLACK_MS = 3_600_000;

const isAcross = (jobs: NewMessage["jobs"]): boolean => {
  const namespaces = new Set(jobs.map(({ policy }) => policy.slice(0, policy.indexOf("/"))));
  return namespaces.size > 1;
};

export interface JobEntriesOptions {
  readonly shard: number;
  readonly partitions: number;
  readonly bodies: Bodies;
  readonly clock: Clock;
  readonly log: Log;
  /** Owners know the lifetimes of messages; commands do not. */
  readonly isOwner: () => boolean;
}

export class JobEntries {
  readonly #o: JobEntriesOptions;

  constructor(options: JobEntriesOptions) {
    this.#o = options;
  }

  /** The records of a new message. */
  async ofMessage({ jobs, body }: NewMessage): Promise<Entry[]> {
    const { shard, partitions } = this.#o;
    const inline = body.kind === "inline" && body.octets.length * jobs.length <= INLINE_COPIES;
    const stored = inline ? undefined : await this.#store(body, isAcross(jobs));
    return jobs.map((draft): Entry => {
      const key = makeKey(shard, partitions, draft);
      const data =
        stored === undefined && body.kind === "inline"
          ? encodeJob({ ...draft, body: { kind: "inline", size: body.octets.length } }, body.octets)
          : encodeJob({ ...draft, body: stored as Job["body"] }, undefined);
      return { subject: subjectOf(key), data, expect: 0 };
    });
  }

  async #store(body: FinishedBody, across: boolean): Promise<Job["body"]> {
    const { bodies, clock } = this.#o;
    const until = bodies.keptUntil(clock.now());
    const facts = across ? ({ until, across: true } as const) : { until };
    if (body.kind === "stored") return { ...facts, ...body };
    const id = newBodyId();
    await bodies.put(id, 0, body.octets);
    return { kind: "stored", id, chunks: 1, size: body.octets.length, ...facts };
  }

  /** The job's next record, or its marker, and those of the messages that come of it. */
  async ofSettlement(change: Settlement, signal: AbortSignal): Promise<Entry[]> {
    const entries = [await this.#settled(change, signal)];
    for (const message of change.also) entries.push(...(await this.ofMessage(message)));
    return entries;
  }

  /**
   * A job that stays longer gives its inline body to the body stream first, so that later changes, and the snapshot a new
   * owner reads, move records of a few hundred octets. Where there is no room for it, it stays where it is.
   */
  async #settled(change: Settlement, signal: AbortSignal): Promise<Entry> {
    const { key, revision, next, inline } = change;
    const entry = { subject: subjectOf(key), expect: revision };
    if (next === undefined) return { ...entry, data: NOTHING, ttl: MARKER_TTL };
    if (next.body.kind !== "inline" || inline === undefined)
      return { ...entry, data: encodeJob(await this.#lasting(next, signal), undefined) };
    const id = newBodyId();
    const { bodies, clock } = this.#o;
    const until = bodies.keptUntil(clock.now());
    try {
      await bodies.put(id, 0, inline);
    } catch (error) {
      if (!(error instanceof StoreFault) || error.kind !== "full") throw error;
      return { ...entry, data: encodeJob(next, inline) };
    }
    const body = { kind: "stored", id, chunks: 1, size: inline.length, until, own: true } as const;
    return { ...entry, data: encodeJob({ ...next, body }, undefined) };
  }

  /**
   * The lifetime of messages may have become longer since the body was stored: it is stored once more then, at a
   * deferral, which comes in time.
   */
  async #lasting(next: Job, signal: AbortSignal): Promise<Job> {
    const { bodies, clock, log, isOwner } = this.#o;
    const { body } = next;
    if (body.kind !== "stored" || body.until === undefined || !isOwner()) return next;
    if (body.until + SLACK_MS >= bodies.keptUntil(next.queuedAt)) return next;
    try {
      await bodies.renew(body.id, body.chunks, signal);
    } catch (error) {
      // The next deferral tries again; what is missing is found by the attempt.
      log.warn({ err: error, message: next.message }, "a body could not be stored for longer");
      return next;
    }
    return { ...next, body: { ...body, until: bodies.keptUntil(clock.now()) } };
  }
}
