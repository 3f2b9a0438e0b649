/**
 * Removes the stored bodies of jobs that are done, when no other job of the message refers to them.
 *
 * In:     a job whose marker is durable. (The marker comes first: of two jobs that end at once, the one whose marker lies behind
 *         sees that no other is left.)
 * Out:    the body is removed in the background. That no other job refers to it is said only by those who are proven to know
 *         of the marker, and so of every job that was stored before it: a copy that lags behind knows none (`holdings.ts`).
 * Fails:  never. What cannot be said or done now is tried again a few times; then the body is left to its TTL, and so is
 *         what jobs of several namespaces share when we may see those of one only.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { BodyRef, Job, JobKey, MessageId } from "../queue/job.ts";
import type { Bodies } from "./bodies.ts";
import { shardOfKey, subjectOf } from "./codec.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";
import { anyHolds } from "./holdings.ts";
import { queueStream } from "./layout.ts";
import { lastOnSubject } from "./read.ts";
import { snapshot } from "./snapshot.ts";

export interface RemoverMeans {
  readonly link: Link;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
}

type StoredBody = Extract<BodyRef, { kind: "stored" }>;

/** An election takes as long, or a leader that was cut off to notice it. */
const PAUSES_MS = [1_000, 4_000, 15_000, 30_000];

export class BodyRemover implements AsyncDisposable {
  readonly #m: RemoverMeans;
  readonly #background = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(means: RemoverMeans) {
    this.#m = means;
  }

  remove(key: JobKey, job: Job, bodies: Pick<Bodies, "remove">): void {
    const { body } = job;
    if (body.kind !== "stored") return;
    const work = this.#patiently(() => this.#removeIfLast(key, job, body, bodies)).catch((error: unknown) => {
      this.#m.log.warn(
        { err: error, message: job.message },
        "a body that nobody needs stays until its TTL ends",
      );
    });
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#background);
  }

  /** Nothing is waited for any more: each is tried once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async #patiently(work: () => Promise<void>): Promise<void> {
    const { clock } = this.#m;
    const { signal } = this.#stop;
    for (const pause of [...PAUSES_MS, undefined])
      try {
        return await work();
      } catch (error) {
        const passes = error instanceof StoreFault && (error.kind === "busy" || error.kind === "away");
        if (!passes || pause === undefined || signal.aborted) throw error;
        await clock.sleep(pause, signal).catch(() => {}); // cut short: then this was the pause before the last try
      }
  }

  async #removeIfLast(
    key: JobKey,
    job: Job,
    body: StoredBody,
    bodies: Pick<Bodies, "remove">,
  ): Promise<void> {
    if (body.across && this.#m.link.confined !== undefined) return;
    if (!body.own && (await this.#hasOthers(key, job.message))) return;
    await bodies.remove(body.id, body.chunks);
  }

  #hasOthers(key: JobKey, message: MessageId): Promise<boolean> {
    const shard = shardOfKey(key);
    const { confined } = this.#m.link;
    const filter = `q${shard}.*.${confined ?? "*"}.*.*.${message}.*`;
    const stream = queueStream(shard);
    return confined === undefined ? this.#known(stream, filter, key) : this.#seen(stream, filter, key);
  }

  async #known(stream: string, filter: string, key: JobKey): Promise<boolean> {
    const { link } = this.#m;
    const own = subjectOf(key);
    const marker = await lastOnSubject(link, stream, own);
    if (marker === undefined || marker.data.length > 0)
      throw new StoreFault("busy", "a copy of the queue that does not know of the job's end");
    return anyHolds(link, { stream, filter, since: marker.sequence }, own);
  }

  /** By any copy that has the marker: who may see one namespace only cannot ask the leader. */
  async #seen(stream: string, filter: string, key: JobKey): Promise<boolean> {
    const found = await snapshot(this.#m.link, stream, filter, this.#m.log);
    if (found.get(subjectOf(key))?.length !== 0)
      throw new StoreFault("busy", "a copy of the queue that does not know of the job's end");
    return [...found.values()].some((data) => data.length > 0);
  }
}
