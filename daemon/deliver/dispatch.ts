/**
 * The dispatcher: from "due" to "settled". Hears of an owner's jobs, lets each wait for its time, finds its way, and
 * keeps as many workers busy per lane as the site allows.
 *
 * In:     `OwnerEvents` of the queue.
 * Out:    attempts through `Carrier`s, each ended by the `Finisher` (the only one who writes to the queue).
 * Fails:  never; a fault while attempting puts the job back, a minute later. Nothing is started when the lease nears its
 *         end (`mayStart`), and what is started is waited for before partitions are handed over (`idle`).
 *
 * A dead site costs one connection attempt per back-off: what waits for it is deferred with the same reply, and healthy
 * lanes have workers of their own.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Outcome } from "../mail/outcome.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { Job, JobKey, Queued } from "../queue/job.ts";
import type { OwnerEvents, Queue } from "../queue/queue.ts";
import { type Entry, Schedule } from "../queue/schedule.ts";
import type { Carrier, Target, Way, Wayfinder } from "./carrier.ts";
import { InFlight } from "./in-flight.ts";
import { Lane, type LaneWay } from "./lane.ts";

/** Ends an attempt: plans what becomes of the job and writes it. Never rejects. */
export interface Finisher {
  /** Resolves when it is settled: with the time of the next attempt, or `undefined` when the job is gone. `ms`: how long the attempt took. */
  finish(
    queued: Queued,
    outcomes: readonly Outcome[],
    ms: number,
    signal: AbortSignal,
  ): Promise<number | undefined>;
}

export interface DispatcherOptions {
  readonly queue: Pick<Queue, "read">;
  readonly wayfinder: Wayfinder;
  readonly finisher: Finisher;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** False near the end of the lease. */
  readonly mayStart: () => boolean;
  /** Delivery for this policy is suspended. */
  readonly paused: (job: Job) => boolean;
  /** When the job's lifetime is over, ms since the epoch. */
  readonly expiresAt: (job: Job) => number;
  /** Workers in all. */
  readonly maxWorkers?: number;
  /** Octets of fresh records kept in memory until their turn. */
  readonly maxFresh?: number;
  /** How long a worker keeps an idle connection, ms. */
  readonly lingerMs?: number;
  /** How long `idle` waits for attempts in flight, ms. */
  readonly graceMs?: number;
}

const FAULT_PAUSE_MS = 60_000;
const PAUSE_LOOK_MS = 5_000;
/** Settlements a worker may leave behind unanswered while it goes on with its connection. */
const UNSETTLED = 2;

export class Dispatcher implements OwnerEvents {
  readonly #o: Required<DispatcherOptions>;
  readonly #schedule = new Schedule();
  readonly #lanes = new Map<string, Lane>();
  readonly #finding = new Map<string, Entry[]>();
  readonly #flight = new InFlight();
  #workers = 0;
  #fresh = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #starved = false;

  constructor(options: DispatcherOptions) {
    this.#o = { maxWorkers: 500, maxFresh: 64 << 20, lingerMs: 2_000, graceMs: 30_000, ...options };
    options.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Figures for metrics, scaling and people. */
  stats(now: number): {
    jobs: number;
    due: number;
    oldestDue: number | undefined;
    workers: number;
    lanes: number;
  } {
    const { jobs: due, oldest } = this.#schedule.due(now);
    let waiting = 0;
    for (const lane of this.#lanes.values()) waiting += lane.size;
    return {
      jobs: this.#schedule.size,
      due: due + waiting,
      oldestDue: oldest,
      workers: this.#workers,
      lanes: this.#lanes.size,
    };
  }

  put(queued: Queued, partition: number): void {
    const { job } = queued;
    const now = this.#o.clock.now();
    const due = dueOf(job, now, this.#o.expiresAt);
    const entry = this.#schedule.put(queued.key, queued.revision, due, partition, targetName(job));
    this.#forget(entry);
    if (entry.state !== "waiting") return;
    if (due <= now && this.#fresh < this.#o.maxFresh) this.#keep(entry, queued);
    this.#arm(due);
  }

  gone(key: JobKey): void {
    const entry = this.#schedule.remove(key);
    if (entry) this.#forget(entry);
  }

  gained(): void {}

  lost(partitions: readonly number[]): void {
    for (const entry of this.#schedule.drop(new Set(partitions))) this.#forget(entry);
    if (this.#schedule.size === 0) this.#fresh = 0;
  }

  idle(partitions: readonly number[]): Promise<void> {
    return this.#flight.idle(partitions, this.#o.graceMs);
  }

  #keep(entry: Entry, queued: Queued): void {
    entry.queued = queued;
    this.#fresh += weigh(queued);
  }

  #forget(entry: Entry): void {
    if (entry.queued === undefined) return;
    this.#fresh -= weigh(entry.queued);
    entry.queued = undefined;
  }

  /** Sees to it that the schedule is looked at when something is due. */
  #arm(due: number): void {
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    const wait = Math.min(Math.max(0, due - this.#o.clock.now()), 60_000);
    this.#timer = setTimeout(() => this.#pump(), wait);
  }

  #pump(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#o.signal.aborted) return;
    if (!this.#o.mayStart()) return this.#arm(this.#o.clock.now() + 500);
    const now = this.#o.clock.now();
    for (let entry = this.#schedule.takeDue(now); entry; entry = this.#schedule.takeDue(now))
      this.#arrive(entry);
    const next = this.#schedule.nextDue();
    if (next !== undefined) this.#arm(next);
  }

  /** Due: to its lane, when the way is known; else it waits until the way is found. */
  #arrive(entry: Entry): void {
    const finding = this.#finding.get(entry.target);
    if (finding) {
      finding.push(entry);
      return;
    }
    const found = this.#o.wayfinder.find(targetOf(entry.target), this.#o.signal);
    if (!(found instanceof Promise)) return this.#join(entry, found);
    const waiting = [entry];
    this.#finding.set(entry.target, waiting);
    found
      .then(
        (way) => {
          for (const e of waiting) this.#join(e, way);
        },
        (error: unknown) => {
          if (!this.#o.signal.aborted)
            this.#o.log.error({ err: error, target: entry.target }, "no way could be looked up");
          for (const e of waiting) this.#later(e, FAULT_PAUSE_MS);
        },
      )
      .finally(() => this.#finding.delete(entry.target));
  }

  #join(entry: Entry, way: Way): void {
    if (!this.#isOurs(entry)) return;
    if (way.kind === "none")
      return void this.#attempt(entry, async (q) => q.job.recipients.map(() => way.outcome));
    let lane = this.#lanes.get(way.lane);
    if (lane === undefined) {
      lane = new Lane(way);
      this.#lanes.set(way.lane, lane);
    }
    lane.way = way;
    const { gate } = way;
    const until = gate.backOff(this.#o.clock.now());
    if (until !== undefined && lane.workers === 0 && !gate.mayConnect(this.#o.clock.now()))
      return this.#backOff(entry, until);
    lane.add(entry);
    this.#staff(lane);
  }

  /** More workers while there is work, and the site and the process allow. */
  #staff(lane: Lane): void {
    const { gate } = lane.way;
    while (lane.size > 0) {
      const now = this.#o.clock.now();
      if (this.#workers >= this.#o.maxWorkers) {
        this.#starved = true;
        // Connections that idle elsewhere give way to work that waits.
        for (const other of this.#lanes.values()) other.dismiss();
        return;
      }
      if (!gate.mayConnect(now) || !gate.maySend(now)) return this.#wake(lane, now);
      gate.take();
      lane.workers++;
      this.#workers++;
      void this.#work(lane, gate).finally(() => {
        gate.release();
        lane.workers--;
        this.#workers--;
        this.#vacancy(lane);
      });
    }
  }

  /** A worker went home: its lane may need another, or a lane that found none free. */
  #vacancy(lane: Lane): void {
    if (this.#o.signal.aborted) return;
    this.#staff(lane);
    if (this.#starved) {
      this.#starved = false;
      for (const other of this.#lanes.values()) this.#staff(other);
    }
    if (lane.workers === 0 && lane.size === 0 && lane.timer === undefined) this.#lanes.delete(lane.name);
  }

  /** Looks at the lane again when the site may allow more. */
  #wake(lane: Lane, now: number): void {
    if (lane.timer !== undefined) return;
    const at = lane.way.gate.nextChange(now);
    // Without a time, a worker that ends will look; when there is none, look soon all the same.
    if (at === undefined && lane.workers > 0) return;
    const wait = Math.min(Math.max(10, (at ?? now + 1_000) - now), 60_000);
    lane.timer = setTimeout(() => {
      lane.timer = undefined;
      this.#vacancy(lane);
    }, wait);
  }

  async #work(lane: Lane, gate: LaneWay["gate"]): Promise<void> {
    let carrier: Carrier | undefined;
    const unsettled = new Set<Promise<void>>();
    try {
      for (;;) {
        const entry = lane.take() ?? (carrier?.reusable ? await lane.linger(this.#o.lingerMs) : undefined);
        if (entry === undefined) break;
        const now = this.#o.clock.now();
        if (!this.#o.mayStart() || this.#o.signal.aborted) {
          this.#later(entry, 500);
          break;
        }
        if (!gate.maySend(now)) {
          lane.add(entry);
          break;
        }
        gate.sent(now); // before anything is awaited: the others ask in between
        if (!carrier?.reusable) {
          carrier?.close();
          carrier = await this.#open(lane, gate, entry);
          if (carrier === undefined) break;
        }
        const carried = await this.#carry(entry, carrier, lane, gate);
        if (carried === "stale") {
          carrier = await this.#open(lane, gate, entry);
          if (carrier === undefined) break;
          this.#later(entry, 0);
          continue;
        }
        const { settled } = carried;
        unsettled.add(settled);
        void settled.finally(() => unsettled.delete(settled));
        if (unsettled.size >= UNSETTLED) await Promise.race(unsettled);
      }
    } catch (error) {
      this.#o.log.error({ err: error, lane: lane.name }, "a delivery worker failed");
    } finally {
      carrier?.close();
      await Promise.all(unsettled);
    }
  }

  /** A new connection, or `undefined` when the site cannot be used: then everything that waits for it is deferred. */
  async #open(lane: Lane, gate: LaneWay["gate"], entry: Entry): Promise<Carrier | undefined> {
    const opened = await lane.way.open(this.#o.signal).catch((error: unknown) => {
      this.#later(entry, this.#o.signal.aborted ? 0 : FAULT_PAUSE_MS);
      throw error;
    });
    const now = this.#o.clock.now();
    if (opened.kind === "open") {
      this.#went(lane, gate);
      return opened.carrier;
    }
    gate.went("badly", now);
    const until = gate.backOff(now);
    const outcome: Outcome = {
      kind: "deferred",
      reply: opened.reply,
      ...(opened.remote ? { remote: opened.remote } : {}),
      ...(until === undefined ? {} : { notBefore: until }),
    };
    const all = until === undefined ? [entry] : [entry, ...lane.drain()];
    for (const e of all) void this.#attempt(e, async (q) => q.job.recipients.map(() => outcome));
    return undefined;
  }

  /** The site answered well: it may bear another connection. */
  #went(lane: Lane, gate: LaneWay["gate"]): void {
    gate.went("well", this.#o.clock.now());
    if (lane.size > 0) this.#staff(lane);
  }

  #backOff(entry: Entry, until: number): void {
    const answer: Reply = reply(
      451,
      "4.4.1",
      "The site did not answer lately; waiting before it is tried again",
    );
    const outcome: Outcome = { kind: "deferred", reply: answer, notBefore: until };
    void this.#attempt(entry, async (q) => q.job.recipients.map(() => outcome));
  }

  /**
   * Carries one job. Resolves when the connection is free for the next, which is before the job is settled: the
   * settlement comes along in a box, since a promise of a promise would wait for both.
   */
  #carry(
    entry: Entry,
    carrier: Carrier,
    lane: Lane,
    gate: LaneWay["gate"],
  ): Promise<{ readonly settled: Promise<void> } | "stale"> {
    return new Promise((free) => {
      const settled: Promise<void> = this.#attempt(entry, async (queued) => {
        const outcomes = await carrier.carry(queued, this.#o.signal);
        if (outcomes === "stale") {
          free("stale");
          return undefined;
        }
        if (carrier.reusable) this.#went(lane, gate);
        free({ settled });
        return outcomes;
      });
      // Gone, held or failed before it was carried: the connection is as free as it was.
      void settled.then(() => free({ settled }));
    });
  }

  /** One attempt from record to settlement; `carry` gives the outcomes, or none when it came to nothing. Never rejects. */
  async #attempt(
    entry: Entry,
    carry: (queued: Queued) => Promise<readonly Outcome[] | undefined>,
  ): Promise<void> {
    if (!this.#isOurs(entry)) return;
    const done = this.#flight.begin(entry.key, entry.partition);
    // Lost and won back while an attempt from before is still under way: that one is let end first.
    if (done === undefined) return this.#later(entry, 1_000);
    try {
      const queued = entry.queued ?? (await this.#o.queue.read(entry.key, this.#o.signal));
      this.#forget(entry);
      if (queued === undefined) return this.#settled(entry);
      const { job } = queued;
      const over = this.#o.clock.now() >= this.#o.expiresAt(job);
      if (!over && job.order === undefined) {
        if (job.held) return this.#wait(entry, this.#o.expiresAt(job));
        if (this.#o.paused(job)) return this.#later(entry, PAUSE_LOOK_MS);
      }
      const began = this.#o.clock.monotonic();
      const outcomes = decided(job, over) ?? (await carry(queued));
      if (outcomes === undefined) return; // nothing was tried: the caller sees to it
      const next = await this.#o.finisher.finish(
        queued,
        outcomes,
        this.#o.clock.monotonic() - began,
        this.#o.signal,
      );
      if (next === undefined) this.#settled(entry);
      else this.#wait(entry, next);
    } catch (error) {
      if (!this.#o.signal.aborted)
        this.#o.log.error({ err: error, job: entry.key }, "an attempt failed by our own fault");
      this.#later(entry, FAULT_PAUSE_MS);
    } finally {
      done();
    }
  }

  /** The job is gone. */
  #settled(entry: Entry): void {
    if (this.#isOurs(entry)) this.#schedule.remove(entry.key);
  }

  #later(entry: Entry, ms: number): void {
    this.#forget(entry);
    this.#wait(entry, this.#o.clock.now() + ms);
  }

  #wait(entry: Entry, due: number): void {
    this.#schedule.wait(entry, due);
    if (entry.state === "waiting") this.#arm(due);
  }

  #isOurs(entry: Entry): boolean {
    return this.#schedule.get(entry.key) === entry;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      lane.dismiss();
    }
  }
}

/** A held job is looked at again when its lifetime is over: nothing vanishes in silence. */
function dueOf(job: Job, now: number, expiresAt: (job: Job) => number): number {
  if (job.order) return now;
  return job.held ? expiresAt(job) : job.nextAttempt;
}

/** What needs no attempt: an order to bounce, and a held job whose lifetime is over (settling calls that expired). */
function decided(job: Job, over: boolean): readonly Outcome[] | undefined {
  if (job.order) {
    const why = job.order.reason || "It was removed from our queue by an operator";
    return job.recipients.map(() => ({ kind: "failed", reply: reply(550, "5.7.0", why) }));
  }
  if (!job.held || !over) return undefined;
  const answer = reply(451, "4.7.0", "It was held in our queue by an operator");
  return job.recipients.map(() => ({ kind: "deferred", reply: answer }));
}

const weigh = (queued: Queued) => 1_024 + (queued.inline?.length ?? 0);

/** JSON, so that no name can be mistaken for another. Jobs for domains of ours share one target per destination too. */
const targetName = (job: Job): string =>
  JSON.stringify([job.class, job.policy, job.destination, ...(job.reroute ? [job.reroute] : [])]);

function targetOf(name: string): Target {
  const [cls, policy, destination, reroute] = JSON.parse(name) as [
    Job["class"],
    Job["policy"],
    Job["destination"],
    Job["reroute"]?,
  ];
  return { name, job: { class: cls, policy, destination, ...(reroute ? { reroute } : {}) } };
}
