/**
 * What is queued for a domain or a policy, and the order to give it up.
 *
 * In:     the queue as every process reads it.
 * Out:    counts; orders, written into the jobs by compare-and-set: the owners see them through their own subscription.
 * Costs:  a look through the whole queue, shared by all who ask while it runs. Only deletions ask.
 * Fails:  `QueueError` while the store is away. A job that is settled in the same moment is looked at again.
 */
import { domainOf } from "../../daemon/mail/address.ts";
import type { TraceEvent } from "../../daemon/queue/events.ts";
import type { Job, Queued } from "../../daemon/queue/job.ts";
import { type Concerned, concerning } from "../../daemon/queue/message-event.ts";
import type { Queue } from "../../daemon/queue/queue.ts";
import type { Backlog, QueueScope } from "../reconcile/ports.ts";

type Reading = Pick<Queue, "list" | "read" | "settle">;
type Listed = Pick<Queued, "key" | "job">;

/** Edits under way at once: they share the store's commits. */
const atOnce = 64;
const maxTries = 5;

export class QueueBacklog implements Backlog {
  readonly #queue: Reading;
  readonly #record: (event: TraceEvent, about: Concerned) => void;
  #survey: Promise<readonly Listed[]> | undefined;

  /** `record` writes into the message's trace what was ordered. */
  constructor(queue: Reading, record: (event: TraceEvent, about: Concerned) => void = () => {}) {
    this.#queue = queue;
    this.#record = record;
  }

  async count(scope: QueueScope, signal: AbortSignal): Promise<number> {
    const jobs = await this.#jobs(signal);
    return jobs.reduce((sum, { job }) => sum + (concerns(scope, job) ? 1 : 0), 0);
  }

  async bounce(scope: QueueScope, reason: string, signal: AbortSignal): Promise<number> {
    const jobs = (await this.#jobs(signal)).filter(({ job }) => concerns(scope, job) && !job.order);
    let ordered = 0;
    for (let at = 0; at < jobs.length; at += atOnce) {
      const some = jobs.slice(at, at + atOnce);
      const done = await Promise.all(some.map(({ key }) => this.#order(key, reason, signal)));
      ordered += done.filter(Boolean).length;
    }
    return ordered;
  }

  #jobs(signal: AbortSignal): Promise<readonly Listed[]> {
    this.#survey ??= this.#look(signal).finally(() => {
      this.#survey = undefined;
    });
    return this.#survey;
  }

  async #look(signal: AbortSignal): Promise<readonly Listed[]> {
    const jobs: Listed[] = [];
    for await (const { key, job } of this.#queue.list(signal)) jobs.push({ key, job });
    return jobs;
  }

  /** `false`: it is gone already. */
  async #order(key: Queued["key"], reason: string, signal: AbortSignal): Promise<boolean> {
    for (let tries = 1; tries <= maxTries; tries++) {
      const queued = await this.#queue.read(key, signal);
      if (!queued) return false;
      const { revision, inline, job } = queued;
      const { held: _, ...free } = job;
      const next: Job = { ...free, order: { kind: "bounce", reason } };
      const change = { key, revision, next, ...(inline ? { inline } : {}), also: [] };
      if ((await this.#queue.settle(change, signal)) === "stale") continue;
      const { message, group } = job;
      this.#record({ at: Date.now(), message, group, kind: "bounced", reason }, concerning(job));
      return true;
    }
    return false; // busy: whoever waits for the count asks again
  }
}

function concerns(scope: QueueScope, job: Job): boolean {
  if (scope.kind === "policy") return job.class === "relay" && job.policy === scope.policy;
  const { path } = job.sender;
  return job.destination === scope.domain || (path !== "" && domainOf(path) === scope.domain);
}
