/**
 * The dispatcher: from "due" to "settled". Hears of an owner's jobs, lets each wait for its time (`Backlog`), finds its
 * way, and hands it to the workers of that way (`Crew`).
 *
 * In:     `OwnerEvents` of the queue.
 * Out:    attempts, each ended by the `Finisher` (the only one who writes to the queue).
 * Fails:  never. Nothing is started when the lease nears its end (`mayStart`), and what is started is waited for before
 *         partitions are handed over (`idle`).
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import { idTime, messageOf } from "../queue/ids.ts";
import type { Job, JobKey, PolicyName, Queued } from "../queue/job.ts";
import type { OwnerEvents } from "../queue/queue.ts";
import type { Entry, Wish } from "../queue/schedule.ts";
import { parseTarget, type TargetJob, targetName, targetOfJob, targetsOf } from "../queue/target.ts";
import { type AttemptOptions, Attempts, FAULT_PAUSE_MS } from "./attempts.ts";
import { Backlog } from "./backlog.ts";
import type { Gate, Target, Way, Wayfinder } from "./carrier.ts";
import { Crew } from "./crew.ts";
import { type Pause, Paused } from "./paused.ts";

export interface DispatcherOptions extends Omit<AttemptOptions, "backlog"> {
  readonly wayfinder: Wayfinder;
  /** False near the end of the lease. */
  readonly mayStart: () => boolean;
  /** Workers in all. */
  readonly maxWorkers?: number;
  /** Octets of fresh records kept in memory until their turn. */
  readonly maxFresh?: number;
  /** How long a worker keeps an idle connection, ms. */
  readonly lingerMs?: number;
  /** How long a worker waits for a greeting before others may have its place, ms. */
  readonly patienceMs?: number;
  /** How long `idle` waits for attempts in flight, ms. */
  readonly graceMs?: number;
  /** No retry is ever further away, ms. */
  readonly longestWaitMs?: (job: Pick<Job, "policy">) => number;
  /** So many partitions came or went. */
  readonly partitions?: (change: "gained" | "lost", count: number) => void;
  /** How often what is paused is looked at, ms. */
  readonly pauseLookMs?: number;
}

export interface DispatchStats {
  readonly jobs: number;
  readonly due: number;
  /** Waiting for a later time. */
  readonly deferred: number;
  /** ms since the epoch */
  readonly oldestDue: number | undefined;
  readonly workers: number;
  /** Connections that wait for a greeting that does not come. */
  readonly stalled: number;
  readonly lanes: number;
}

/** Entries that are sent on their way in one turn of the event loop: sessions and timers want theirs too. */
const AT_ONCE = 1_000;
/** A message's id is as old as the message, give or take this. */
const ID_MARGIN_MS = 1_000;
const siteSuspended: Outcome = {
  kind: "deferred",
  reply: reply(451, "4.7.0", "Our operator has suspended delivery to this site"),
  bounce: "operator",
};

export class Dispatcher implements OwnerEvents {
  readonly #o: Required<DispatcherOptions>;
  readonly #backlog: Backlog;
  readonly #attempts: Attempts;
  readonly #crew: Crew;
  readonly #paused: Paused;
  readonly #finding = new Map<string, Entry[]>();
  readonly #held = new Set<number>();

  constructor(options: DispatcherOptions) {
    const defaults = {
      maxWorkers: 500,
      maxFresh: 64 << 20,
      lingerMs: 2_000,
      patienceMs: 5_000,
      graceMs: 30_000,
      pauseLookMs: 1_000,
      longestWaitMs: () => Number.POSITIVE_INFINITY,
      partitions: () => {},
      suppressed: undefined,
    };
    const o = { ...defaults, ...options };
    this.#o = o;
    const backlog = new Backlog({ clock: o.clock, maxFresh: o.maxFresh, onDue: () => this.#pump() });
    this.#backlog = backlog;
    this.#attempts = new Attempts({ ...o, backlog });
    this.#crew = new Crew({ ...o, backlog, attempts: this.#attempts });
    this.#paused = new Paused({
      release: (entries) => this.#resume(entries),
      lookMs: o.pauseLookMs,
    });
    options.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Figures for metrics, scaling and people: of one policy's jobs, or of all. Workers and lanes are everybody's. */
  stats(now: number, policy?: PolicyName): DispatchStats {
    const of = policy === undefined ? () => true : targetsOf(policy);
    const { jobs: due, later, oldest } = this.#backlog.due(now, of);
    const { waiting, oldest: inLine, workers, stalled, lanes } = this.#crew.stats(of);
    const first = Math.min(oldest ?? Number.POSITIVE_INFINITY, inLine);
    return {
      jobs: this.#backlog.size,
      due: due + waiting,
      deferred: later,
      oldestDue: first === Number.POSITIVE_INFINITY ? undefined : first,
      workers,
      stalled,
      lanes,
    };
  }

  put(queued: Queued, partition: number): void {
    const { job } = queued;
    const due = dueOf(job, this.#o);
    const wish: Wish = wishOf(job);
    const entry = this.#backlog.put(queued, { partition, due, target: targetName(targetOfJob(job)), wish });
    // Its way or its time may be another one now; what keeps it back is found anew when it is due.
    this.#paused.remove(entry);
    // In a line that may be long: an order does not wait for its turn.
    if (wish === "bounce" && entry.state === "busy") this.#attempts.decide(entry);
  }

  gone(key: JobKey): void {
    const entry = this.#backlog.remove(key);
    if (entry) this.#paused.remove(entry);
  }

  /** What is known of every job here, to be read in turns. */
  entries(): Iterable<Entry> {
    return this.#backlog.entries();
  }

  /** What is due for this target waits, since its site is suspended. */
  isKeptBack(job: TargetJob): boolean {
    return this.#paused.holds(targetName(job));
  }

  get partitions(): readonly number[] {
    return [...this.#held];
  }

  gained(partitions: readonly number[]): void {
    for (const partition of partitions) this.#held.add(partition);
    this.#o.partitions("gained", partitions.length);
  }

  lost(partitions: readonly number[]): void {
    for (const partition of partitions) this.#held.delete(partition);
    this.#o.partitions("lost", partitions.length);
    for (const entry of this.#backlog.drop(partitions)) this.#paused.remove(entry);
  }

  idle(partitions: readonly number[]): Promise<void> {
    return this.#attempts.idle(partitions, this.#o.graceMs);
  }

  #pump(): void {
    const { signal, clock, mayStart } = this.#o;
    if (signal.aborted) return;
    const now = clock.now();
    if (!mayStart()) return this.#backlog.arm(now + 500);
    for (let n = 0; n < AT_ONCE; n++) {
      const entry = this.#backlog.takeDue(now);
      if (entry === undefined) break;
      this.#arrive(entry);
    }
    this.#backlog.armNext();
  }

  /** Due: to its lane, when the way is known; else it waits until the way is found. */
  #arrive(entry: Entry): void {
    if (entry.wish === "bounce") return this.#attempts.decide(entry);
    const target = targetOf(entry.target);
    if (this.#o.paused(target.job)) {
      const { class: cls, policy } = target.job;
      // At its end the attempt finds that it is paused, and so makes none.
      return this.#pause(entry, `${cls} ${policy}`, { isOn: () => this.#o.paused({ class: cls, policy }) });
    }
    const finding = this.#finding.get(entry.target);
    if (finding) return void finding.push(entry);
    const found = this.#o.wayfinder.find(target, this.#o.signal);
    if (found instanceof Promise) this.#await(found, entry);
    else this.#send(entry, found);
  }

  #await(found: Promise<Way>, entry: Entry): void {
    const waiting = [entry];
    const { target } = entry;
    this.#finding.set(target, waiting);
    found
      .then(
        (way) => inPortions(waiting, (each) => this.#send(each, way)),
        (error: unknown) => {
          if (!this.#o.signal.aborted) this.#o.log.error({ err: error, target }, "no way could be looked up");
          return inPortions(waiting, (each) => this.#backlog.later(each, FAULT_PAUSE_MS));
        },
      )
      .finally(() => this.#finding.delete(target));
  }

  #send(entry: Entry, way: Way): void {
    if (!this.#backlog.owns(entry)) return;
    if (way.kind === "none") this.#attempts.decide(entry, way.outcome);
    else if (way.gate.isSuspended())
      this.#pause(entry, entry.target, this.#suspension(entry, way.gate), siteSuspended);
    else if (this.#isSuppressed(entry)) this.#attempts.decide(entry);
    else this.#crew.join(entry, way);
  }

  /** Nobody is left who may get it, as far as its record is at hand: no connection is opened for that. */
  #isSuppressed({ queued }: Entry): boolean {
    const judgement = queued && this.#o.suppressed?.(queued.job);
    return judgement?.every((outcome) => outcome !== undefined) ?? false;
  }

  /** Of the site that the target leads to; routes and MX may change while it lasts. */
  #suspension({ target }: Entry, gate: Gate): Pause {
    const { wayfinder, signal } = this.#o;
    return {
      isOn: () => gate.isSuspended(),
      isOnTheWay: () => wayfinder.isSuspended(targetOf(target), signal),
    };
  }

  /** Kept back until policy or site goes on, or the message's lifetime is over: then it has this outcome. */
  #pause(entry: Entry, name: string, pause: Pause, atEnd?: Outcome): void {
    const { policy } = parseTarget(entry.target);
    const queuedAt = idTime(messageOf(entry.key)) + ID_MARGIN_MS;
    const end = this.#o.expiresAt({ policy, queuedAt });
    if (this.#o.clock.now() >= end) return this.#attempts.decide(entry, atEnd);
    this.#backlog.forget(entry);
    this.#paused.add(entry, name, pause);
    this.#backlog.wait(entry, end);
  }

  #resume(entries: readonly Entry[]): void {
    const now = this.#o.clock.now();
    for (const entry of entries) if (entry.state === "waiting") this.#backlog.wait(entry, now);
  }

  #stop(): void {
    this.#backlog.stop();
    this.#paused.stop();
    this.#crew.stop();
  }
}

/** Also those that come while it goes on. */
async function inPortions(entries: readonly Entry[], each: (entry: Entry) => void): Promise<void> {
  for (let n = 0; n < entries.length; n++) {
    if (n > 0 && n % AT_ONCE === 0) await turn();
    each(entries[n] as Entry);
  }
}

function wishOf({ order, held, urgent }: Job): Wish {
  if (order) return "bounce";
  if (held) return "hold";
  return urgent ? "retry" : "none";
}

/** A held job is looked at again when its lifetime is over: nothing vanishes in silence. */
function dueOf(job: Job, { clock, expiresAt, longestWaitMs }: Required<DispatcherOptions>): number {
  const now = clock.now();
  if (job.order) return now;
  if (job.held) return expiresAt(job);
  // Fresh from a gateway whose clock may be ahead of ours: its time has come whatever our clock says.
  return job.attempts === 0 && job.nextAttempt <= job.queuedAt
    ? Math.min(now, job.nextAttempt)
    : // Written by somebody whose clock was ahead, or before ours was set back.
      Math.min(job.nextAttempt, now + longestWaitMs(job));
}

const targetOf = (name: string): Target => ({ name, job: parseTarget(name) });
