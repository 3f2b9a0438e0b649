/**
 * One worker's shift: carries the jobs of a lane over a connection of its own, one after the other, as long as there are any.
 *
 * In:     a lane with jobs, and the worker that was hired for it.
 * Out:    attempts; what the site answers is told to its gate. A site that cannot be used ends the shift, and everything that
 *         waits for it is deferred with the same reply.
 * Fails:  never; a fault of ours ends the shift.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Entry } from "../queue/schedule.ts";
import { type Attempts, FAULT_PAUSE_MS } from "./attempts.ts";
import type { Backlog } from "./backlog.ts";
import type { Carrier, Gate } from "./carrier.ts";
import type { Lane } from "./lane.ts";
import { heeded, refused } from "./restraint.ts";
import type { Worker } from "./staff.ts";

export interface ShiftMeans {
  readonly backlog: Backlog;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** False near the end of the lease. */
  readonly mayStart: () => boolean;
  /** The next job of a lane whose line is empty, if one comes while the connection may be kept. */
  readonly linger: (lane: Lane) => Promise<Entry | undefined>;
  /** The site answered well: it may bear another connection. */
  readonly went: (lane: Lane) => void;
  /** The site may have asked for less just now. */
  readonly wait: (lane: Lane) => void;
}

/** Settlements a worker may leave behind unanswered while it goes on with its connection. */
const UNSETTLED = 2;

export class Shift {
  readonly #means: ShiftMeans;
  readonly #lane: Lane;
  readonly #worker: Worker;
  readonly #gate: Gate;
  readonly #unsettled = new Set<Promise<void>>();
  #carrier: Carrier | undefined;

  constructor(lane: Lane, worker: Worker, means: ShiftMeans) {
    this.#means = means;
    this.#lane = lane;
    this.#worker = worker;
    this.#gate = worker.gate;
  }

  /** Resolves when it is over and everything is settled. */
  async work(): Promise<void> {
    try {
      for (let entry = this.#lane.take(); entry; entry = await this.#next())
        if (!(await this.#serve(entry))) break;
    } catch (error) {
      this.#means.log.error({ err: error, lane: this.#lane.name }, "a delivery worker failed");
    } finally {
      await Promise.all([this.#carrier?.close(), ...this.#unsettled]);
    }
  }

  /** False: the shift is over. */
  async #serve(entry: Entry): Promise<boolean> {
    if (!this.#mayCarry(entry)) return false;
    const carrier = await this.#ready(entry);
    if (carrier === undefined) return false;
    const carried = await this.#carry(entry, carrier);
    if (carried === "stale") {
      if ((await this.#open(entry)) === undefined) return false;
      this.#means.backlog.later(entry, 0);
      return true;
    }
    const { settled } = carried;
    this.#unsettled.add(settled);
    void settled.finally(() => this.#unsettled.delete(settled));
    if (this.#unsettled.size >= UNSETTLED) await Promise.race(this.#unsettled);
    return true;
  }

  async #next(): Promise<Entry | undefined> {
    const entry = this.#lane.take();
    return entry === undefined && this.#carrier?.reusable ? this.#means.linger(this.#lane) : entry;
  }

  /** Counts the message against the rate at once, before anything is awaited: the other workers ask in between. */
  #mayCarry(entry: Entry): boolean {
    const { mayStart, signal, backlog, clock } = this.#means;
    const now = clock.now();
    if (!mayStart() || signal.aborted) backlog.later(entry, 500);
    else if (this.#gate.isSuspended()) backlog.later(entry, 0);
    else if (!this.#gate.maySend(now)) this.#lane.putBack(entry);
    else {
      this.#gate.sent(now);
      return true;
    }
    return false;
  }

  /** The connection if it can take another job, else a new one. */
  async #ready(entry: Entry): Promise<Carrier | undefined> {
    return this.#carrier?.reusable ? this.#carrier : this.#open(entry);
  }

  /** A new connection, or `undefined` when the site cannot be used: then everything that waits for it is deferred. */
  async #open(entry: Entry): Promise<Carrier | undefined> {
    const { signal, backlog } = this.#means;
    const lane = this.#lane;
    const former = this.#carrier;
    this.#carrier = undefined;
    await former?.close(); // the site allows so many at once, and counts it until then
    const opened = await this.#worker
      .opening(() => lane.way.open(signal))
      .catch((error: unknown) => {
        backlog.later(entry, signal.aborted ? 0 : FAULT_PAUSE_MS);
        throw error;
      });
    if (opened.kind === "refused") {
      this.#refused(entry, opened);
      return undefined;
    }
    this.#went();
    this.#carrier = opened.carrier;
    return opened.carrier;
  }

  #refused(entry: Entry, opened: Parameters<typeof refused>[0]): void {
    const { clock, attempts, wait } = this.#means;
    const lane = this.#lane;
    const now = clock.now();
    const outcome = refused(opened, this.#gate, now);
    const isDead = this.#gate.backOff(now) !== undefined;
    lane.fresh = false; // it was tried
    for (const each of isDead ? [entry, ...lane.drain()] : [entry]) attempts.decide(each, outcome);
    if (!isDead) wait(lane);
  }

  #went(): void {
    this.#gate.went("well", this.#means.clock.now());
    this.#means.went(this.#lane);
  }

  /**
   * Carries one job. Resolves when the connection is free for the next, which is before the job is settled: the
   * settlement comes along in a box, since a promise of a promise would wait for both.
   */
  #carry(entry: Entry, carrier: Carrier): Promise<{ readonly settled: Promise<void> } | "stale"> {
    const { attempts, signal, clock, wait } = this.#means;
    return new Promise((free) => {
      const settled: Promise<void> = attempts.attempt(entry, async (queued) => {
        const outcomes = await carrier.carry(queued, signal);
        if (outcomes === "stale") {
          free("stale");
          return undefined;
        }
        const less = heeded(outcomes, this.#gate, clock.now());
        if (less) wait(this.#lane);
        else if (carrier.reusable) this.#went();
        free({ settled });
        return less ?? outcomes;
      });
      // Gone, held or failed before it was carried: the connection is as free as it was.
      void settled.then(() => free({ settled }));
    });
  }
}
