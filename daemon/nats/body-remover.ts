/**
 * Removes the stored bodies of jobs that are done, when no other job of the message refers to them.
 *
 * In:     a job whose marker is durable. (The marker comes first: of two jobs that end at once, at least one sees that no
 *         other is left.)
 * Out:    the body is removed in the background.
 * Fails:  never; what could not be removed is left to the body's TTL, and so is what jobs of several namespaces share when
 *         we may see those of one only.
 */
import type { Log } from "../kit/log.ts";
import type { BodyRef, Job, JobKey, MessageId } from "../queue/job.ts";
import type { Bodies } from "./bodies.ts";
import { shardOfKey, subjectOf } from "./codec.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { queueStream } from "./layout.ts";
import { lastOnSubject } from "./read.ts";
import { snapshot } from "./snapshot.ts";

interface InfoAnswer {
  readonly error?: ApiError;
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> };
}

type StoredBody = Extract<BodyRef, { kind: "stored" }>;

export class BodyRemover {
  readonly #link: Link;
  readonly #log: Log;
  readonly #background = new Set<Promise<void>>();

  constructor(link: Link, log: Log) {
    this.#link = link;
    this.#log = log;
  }

  remove(key: JobKey, job: Job, bodies: Bodies): void {
    const { body } = job;
    if (body.kind !== "stored") return;
    const work = this.#removeIfLast(key, job, body, bodies).catch((error: unknown) => {
      this.#log.warn(
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

  async #removeIfLast(key: JobKey, job: Job, body: StoredBody, bodies: Bodies): Promise<void> {
    if (body.across && this.#link.confined !== undefined) return;
    if (!body.own && (await this.#hasOthers(key, job.message))) return;
    await bodies.remove(body.id, body.chunks);
  }

  async #hasOthers(key: JobKey, message: MessageId): Promise<boolean> {
    const link = this.#link;
    const shard = shardOfKey(key);
    const stream = queueStream(shard);
    const filter = `q${shard}.*.${link.confined ?? "*"}.*.*.${message}.*`;
    const subjects =
      link.confined === undefined ? await this.#named(stream, filter) : await this.#seen(stream, filter, key);
    for (const subject of subjects) {
      if (subject === subjectOf(key)) continue;
      const record = await lastOnSubject(link, stream, subject);
      if (record && record.data.length > 0) return true;
    }
    return false;
  }

  /** As the leader knows them. */
  async #named(stream: string, filter: string): Promise<readonly string[]> {
    const question = JSON.stringify({ subjects_filter: filter });
    const answer = await this.#link.nc.request(`$JS.API.STREAM.INFO.${stream}`, question, {
      timeout: 10_000,
    });
    const { error, state } = answer.json<InfoAnswer>();
    // Silence about other jobs is not their absence: better a body that stays too long than one that is missed.
    if (error) throw faultOf(error);
    if (!state) throw new StoreFault("refused", "an answer without figures");
    return Object.keys(state.subjects ?? {});
  }

  /** As a replica knows them that knows of this job's end; they were stored together with it. */
  async #seen(stream: string, filter: string, key: JobKey): Promise<readonly string[]> {
    const found = await snapshot(this.#link, stream, filter, this.#log);
    if (!found.has(subjectOf(key))) throw new StoreFault("busy", "a replica that lags behind");
    return [...found.keys()];
  }
}
