/**
 * One attempt, from the job's record to its settlement.
 *
 * In:     an entry of the backlog, and who carries the job; or an outcome that needs nobody to carry it.
 * Out:    the attempt is ended by the `Finisher`; the entry waits for its next time, or is gone.
 * Fails:  never; a fault while attempting puts the job back, a minute later.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Slots } from "../kit/slots.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { Job, Queued } from "../queue/job.ts";
import type { Queue } from "../queue/queue.ts";
import type { Entry } from "../queue/schedule.ts";
import type { Backlog } from "./backlog.ts";
import { InFlight } from "./in-flight.ts";
import type { Judgement } from "./suppression/judge.ts";

/** Ends an attempt: plans what becomes of the job and writes it. Rejects only when the signal aborts. */
export interface Finisher {
  /** Resolves when it is settled: with the time of the next attempt, or `undefined` when the job is gone. `ms`: how long the attempt took. */
  finish(
    queued: Queued,
    outcomes: readonly Outcome[],
    ms: number,
    signal: AbortSignal,
  ): Promise<number | undefined>;
}

export interface AttemptOptions {
  readonly queue: Pick<Queue, "read">;
  readonly finisher: Finisher;
  readonly backlog: Backlog;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Delivery for this policy is suspended. */
  readonly paused: (job: Pick<Job, "class" | "policy">) => boolean;
  /** Recipients that get nothing, with their outcomes; absent, or `undefined`: there is none. */
  readonly suppressed?: ((job: Job) => Judgement | undefined) | undefined;
  /** When the job's lifetime is over, ms since the epoch. */
  readonly expiresAt: (job: Pick<Job, "policy" | "queuedAt">) => number;
}

/** Outcomes, or none when it came to nothing: then the caller sees to the entry. */
export type Carry = (queued: Queued) => Promise<readonly Outcome[] | undefined>;

export const FAULT_PAUSE_MS = 60_000;
/**
 * Attempts at once that need nobody to carry them: of a dead site's many jobs, so many are in memory. Neither what somebody
 * ordered nor what was never tried stands behind 300,000 that are tried again.
 */
const uncarried = { ordered: 16, untried: 64, again: 256 } as const;

export class Attempts {
  readonly #o: AttemptOptions;
  readonly #flight = new InFlight();
  readonly #slots = {
    ordered: new Slots(uncarried.ordered),
    untried: new Slots(uncarried.untried),
    again: new Slots(uncarried.again),
  } as const;

  constructor(options: AttemptOptions) {
    this.#o = options;
  }

  /** Resolves when none on these partitions is in flight, or after `graceMs`. */
  idle(partitions: readonly number[], graceMs: number): Promise<void> {
    return this.#flight.idle(partitions, graceMs);
  }

  /** Nobody is to carry it: every recipient gets this outcome, or (without one) what the job's record calls for. */
  decide(entry: Entry, outcome?: Outcome): void {
    const carry: Carry = async ({ job }) => {
      if (outcome) return job.recipients.map(() => outcome);
      this.#o.backlog.later(entry, 0); // its record has changed since
      return undefined;
    };
    const slots = this.#slots[entry.wish === "bounce" ? "ordered" : entry.untried ? "untried" : "again"];
    slots.queue(() => void this.attempt(entry, carry).finally(() => slots.give()));
  }

  /** Never rejects. */
  async attempt(entry: Entry, carry: Carry): Promise<void> {
    const { backlog, log, signal } = this.#o;
    if (!backlog.owns(entry)) return;
    const done = this.#flight.begin(entry.key, entry.partition);
    // Lost and won back while an attempt from before is still under way: that one is let end first.
    if (done === undefined) return backlog.later(entry, 1_000);
    try {
      await this.#attempt(entry, carry);
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, job: entry.key }, "an attempt failed by our own fault");
      backlog.later(entry, FAULT_PAUSE_MS);
    } finally {
      done();
    }
  }

  async #attempt(entry: Entry, carry: Carry): Promise<void> {
    const { backlog, queue, clock, finisher, signal, expiresAt } = this.#o;
    const queued = entry.queued ?? (await queue.read(entry.key, signal));
    backlog.forget(entry);
    if (queued === undefined) return backlog.settled(entry);
    const { job } = queued;
    const paused = this.#o.paused(job);
    const over = clock.now() >= expiresAt(job);
    if (job.held && !over) return backlog.wait(entry, expiresAt(job));
    // Paused since it left the backlog: there it is found to be so.
    if (paused && !over && job.order === undefined) return backlog.later(entry, 0);
    const began = clock.monotonic();
    const outcomes = decided(job, paused) ?? (await this.#carry(queued, carry));
    if (outcomes === undefined) return;
    const next = await finisher.finish(queued, outcomes, clock.monotonic() - began, signal);
    if (next === undefined) backlog.settled(entry);
    else backlog.wait(entry, next);
  }

  /** Those who may get it are carried as if there were no others. */
  async #carry(queued: Queued, carry: Carry): Promise<readonly Outcome[] | undefined> {
    const judgement = this.#o.suppressed?.(queued.job);
    if (judgement === undefined) return carry(queued);
    const rest = queued.job.recipients.filter((_, i) => judgement[i] === undefined);
    const carried =
      rest.length === 0 ? [] : await carry({ ...queued, job: { ...queued.job, recipients: rest } });
    if (carried === undefined) return undefined;
    const left = [...carried];
    return judgement.map((outcome) => outcome ?? (left.shift() as Outcome));
  }
}

/** What needs no attempt: an order to bounce; and what was kept back until its lifetime was over (settling calls that expired). */
function decided(job: Job, paused: boolean): readonly Outcome[] | undefined {
  if (job.order) {
    const why = job.order.reason || "It was removed from our queue by an operator";
    return job.recipients.map(() => ({
      kind: "failed",
      reply: reply(550, "5.7.0", why),
      bounce: "operator",
    }));
  }
  const answer = job.held ? heldBack : paused ? pausedBack : undefined;
  return answer && job.recipients.map(() => ({ kind: "deferred", reply: answer, bounce: "operator" }));
}

const heldBack = reply(451, "4.7.0", "It was held in our queue by an operator");
const pausedBack = reply(451, "4.7.0", "Our operator has paused delivery");
