/**
 * Removes the stored bodies of jobs that are done, when no other job of the message refers to them.
 *
 * In:     a job whose marker is durable. (The marker comes first: of two jobs that end at once, at least one sees that no
 *         other is left.)
 * Out:    the body is removed in the background.
 * Fails:  never; what could not be removed is left to the body's TTL.
 */
import type { Job, JobKey, MessageId } from "../queue/job.ts";
import type { Bodies } from "./bodies.ts";
import { shardOfKey, subjectOf } from "./codec.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { queueStream } from "./layout.ts";
import { lastOnSubject } from "./read.ts";

interface InfoAnswer {
  readonly error?: ApiError;
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> };
}

export class BodyRemover {
  readonly #link: Link;
  readonly #background = new Set<Promise<void>>();

  constructor(link: Link) {
    this.#link = link;
  }

  remove(key: JobKey, job: Job, bodies: Bodies): void {
    const { body } = job;
    if (body.kind !== "stored") return;
    const work = this.#removeIfLast(key, job, body, bodies).catch(() => {});
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#background);
  }

  async #removeIfLast(
    key: JobKey,
    job: Job,
    body: { id: string; chunks: number },
    bodies: Bodies,
  ): Promise<void> {
    // A body of this job's own, moved there when it was deferred, is shared with nobody.
    if (body.id === job.message && (await this.#hasOthers(key, job.message))) return;
    await bodies.remove(body.id, body.chunks);
  }

  async #hasOthers(key: JobKey, message: MessageId): Promise<boolean> {
    const { nc } = this.#link;
    const shard = shardOfKey(key);
    const stream = queueStream(shard);
    const filter = JSON.stringify({ subjects_filter: `q${shard}.*.*.*.*.${message}.*` });
    const answer = await nc.request(`$JS.API.STREAM.INFO.${stream}`, filter, { timeout: 10_000 });
    const { error, state } = answer.json<InfoAnswer>();
    // Silence about other jobs is not their absence: better a body that stays too long than one that is missed.
    if (error) throw faultOf(error);
    if (!state) throw new StoreFault("refused", "an answer without figures");
    for (const subject of Object.keys(state.subjects ?? {})) {
      if (subject === subjectOf(key)) continue;
      const record = await lastOnSubject(nc, stream, subject);
      if (record && record.data.length > 0) return true;
    }
    return false;
  }
}
