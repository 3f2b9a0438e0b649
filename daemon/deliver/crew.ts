/**
 * The workers: as many per lane as its site allows, each with a connection that it keeps while there is work.
 *
 * In:     entries with their way.
 * Out:    attempts through `Carrier`s. A dead site costs one connection attempt per back-off: what waits for it is
 *         deferred with the same reply, and healthy lanes have workers of their own. What waits for a site that asked for
 *         less (`restraint`) stays in line, untried, unless it asked for long.
 * Fails:  never. Nothing is started when the lease nears its end.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";
import type { Entry } from "../queue/schedule.ts";
import { type Attempts, FAULT_PAUSE_MS } from "./attempts.ts";
import type { Backlog } from "./backlog.ts";
import type { Carrier } from "./carrier.ts";
import { Lane, type LaneWay } from "./lane.ts";
import { heeded, heldUp, leftAlone, refused } from "./restraint.ts";
import { Staff, type Worker } from "./staff.ts";

export interface CrewOptions {
  readonly backlog: Backlog;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** False near the end of the lease. */
  readonly mayStart: () => boolean;
  /** Workers in all. */
  readonly maxWorkers: number;
  /** How long a worker keeps an idle connection, ms. */
  readonly lingerMs: number;
  /** How long a worker waits for a greeting before others may have its place, ms. */
  readonly patienceMs: number;
}

interface CrewStats {
  readonly waiting: number;
  /** ms since the epoch; `Infinity`: nothing waits. */
  readonly oldest: number;
  readonly workers: number;
  /** Wait for a greeting that does not come; not among the workers. */
  readonly stalled: number;
  readonly lanes: number;
}

/** Settlements a worker may leave behind unanswered while it goes on with its connection. */
const UNSETTLED = 2;

const notLately = reply(451, "4.4.1", "The site did not answer lately; waiting before it is tried again");

export class Crew {
  readonly #o: CrewOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Those with workers that idle on open connections. */
  readonly #idling = new Set<Lane>();
  readonly #staff: Staff;

  constructor(options: CrewOptions) {
    this.#o = options;
    const { maxWorkers, patienceMs } = options;
    this.#staff = new Staff({ maxWorkers, patienceMs, onRoom: () => this.#feed() });
  }

  /** `waiting`, and since when the oldest of them is due, are of the targets that are meant. */
  stats(of: (target: string) => boolean): CrewStats {
    let waiting = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      const line = lane.waiting(of);
      waiting += line.jobs;
      oldest = Math.min(oldest, line.oldest);
    }
    const { working, aside } = this.#staff;
    return { waiting, oldest, workers: working, stalled: aside, lanes: this.#lanes.size };
  }

  /** In line for its way. */
  join(entry: Entry, way: LaneWay): void {
    const { clock, attempts } = this.#o;
    let lane = this.#lanes.get(way.lane);
    if (lane === undefined) {
      lane = new Lane(way);
      this.#lanes.set(way.lane, lane);
    }
    lane.way = way;
    const { gate } = way;
    if (entry.wish === "retry") gate.hurry();
    const until = gate.backOff(clock.now());
    if (until !== undefined && lane.workers === 0 && !gate.mayConnect(clock.now())) {
      attempts.decide(entry, { kind: "deferred", reply: notLately, notBefore: until });
      return this.#fold(lane);
    }
    lane.fresh ||= entry.untried;
    lane.add(entry);
    if (!this.#sendAway(lane)) this.#man(lane);
    else this.#fold(lane);
  }

  /** False: it need not wait for long. */
  #sendAway(lane: Lane): boolean {
    const outcome = leftAlone(lane.way.gate, this.#o.clock.now());
    if (outcome) for (const each of lane.drain()) this.#o.attempts.decide(each, outcome);
    return outcome !== undefined;
  }

  stop(): void {
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      lane.dismiss();
    }
  }

  /** More workers while there is work, and the site and the process allow. */
  #man(lane: Lane): void {
    const { gate } = lane.way;
    if (gate.isSuspended()) return this.#withdraw(lane);
    while (lane.size > 0) {
      const now = this.#o.clock.now();
      if (!gate.mayConnect(now) || !gate.maySend(now)) return this.#wake(lane, now);
      const worker = this.#staff.hire(lane);
      if (worker === undefined) return this.#makeRoom(lane);
      gate.take();
      lane.workers++;
      void this.#work(lane, worker).finally(() => {
        gate.release();
        lane.workers--;
        worker.leave();
        this.#vacancy(lane);
      });
    }
  }

  /** Out of the line again: whoever put them there sees that the site is suspended. */
  #withdraw(lane: Lane): void {
    for (const each of lane.drain()) this.#o.backlog.later(each, 0);
  }

  /** Connections that idle elsewhere give way to work that waits, if that is what it waits for. */
  #makeRoom(lane: Lane): void {
    if (!this.#staff.lacksPlaces(lane)) return;
    for (const other of this.#idling) {
      if (this.#staff.mayLinger(other)) continue;
      other.dismiss();
      this.#idling.delete(other);
    }
  }

  /** A worker went home: a lane that found none free may have it, or its own lane another. */
  #vacancy(lane: Lane): void {
    if (this.#o.signal.aborted) return;
    this.#feed();
    this.#man(lane);
    this.#fold(lane);
  }

  #feed(): void {
    if (this.#o.signal.aborted) return;
    for (let lane = this.#staff.next(); lane; lane = this.#staff.next()) {
      this.#man(lane);
      this.#fold(lane);
    }
  }

  #fold(lane: Lane): void {
    if (lane.workers > 0 || lane.size > 0 || lane.timer !== undefined) return;
    // It may have been folded before, and stand in line for a worker all the same, while another has its name.
    if (this.#lanes.get(lane.name) === lane) this.#lanes.delete(lane.name);
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
      this.#sendOld(lane);
      this.#vacancy(lane);
    }, wait);
  }

  /** A site that bears little may keep a line waiting for days. */
  #sendOld(lane: Lane): void {
    const held = heldUp(lane.way.gate, this.#o.clock.now());
    if (held) for (const each of lane.older(held.before)) this.#o.attempts.decide(each, held.outcome);
  }

  async #work(lane: Lane, worker: Worker): Promise<void> {
    const { gate } = worker;
    const unsettled = new Set<Promise<void>>();
    let carrier: Carrier | undefined;
    try {
      for (let entry = lane.take(); entry; entry = await this.#next(lane, carrier)) {
        if (!this.#mayCarry(entry, lane, gate)) break;
        carrier = await this.#ready(carrier, lane, worker, entry);
        if (carrier === undefined) break;
        const carried = await this.#carry(entry, carrier, lane, gate);
        if (carried === "stale") {
          carrier = await this.#open(lane, worker, entry);
          if (carrier === undefined) break;
          this.#o.backlog.later(entry, 0);
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

  async #next(lane: Lane, carrier: Carrier | undefined): Promise<Entry | undefined> {
    const entry = lane.take();
    if (entry !== undefined || !carrier?.reusable || !this.#staff.mayLinger(lane)) return entry;
    const lingering = lane.linger(this.#o.lingerMs);
    this.#idling.add(lane);
    const late = await lingering;
    if (lane.idle === 0) this.#idling.delete(lane);
    return late;
  }

  /** Counts the message against the rate at once, before anything is awaited: the other workers ask in between. */
  #mayCarry(entry: Entry, lane: Lane, gate: LaneWay["gate"]): boolean {
    const { mayStart, signal, backlog, clock } = this.#o;
    const now = clock.now();
    if (!mayStart() || signal.aborted) backlog.later(entry, 500);
    else if (gate.isSuspended()) backlog.later(entry, 0);
    else if (!gate.maySend(now)) lane.putBack(entry);
    else {
      gate.sent(now);
      return true;
    }
    return false;
  }

  /** The connection if it can take another job, else a new one. */
  async #ready(
    carrier: Carrier | undefined,
    lane: Lane,
    worker: Worker,
    entry: Entry,
  ): Promise<Carrier | undefined> {
    if (carrier?.reusable) return carrier;
    carrier?.close();
    return this.#open(lane, worker, entry);
  }

  /** A new connection, or `undefined` when the site cannot be used: then everything that waits for it is deferred. */
  async #open(lane: Lane, worker: Worker, entry: Entry): Promise<Carrier | undefined> {
    const { signal, clock, attempts, backlog } = this.#o;
    const { gate } = worker;
    const opened = await worker
      .opening(() => lane.way.open(signal))
      .catch((error: unknown) => {
        backlog.later(entry, signal.aborted ? 0 : FAULT_PAUSE_MS);
        throw error;
      });
    if (opened.kind === "open") {
      this.#went(lane, gate);
      return opened.carrier;
    }
    const now = clock.now();
    const outcome = refused(opened, gate, now);
    const isDead = gate.backOff(now) !== undefined;
    lane.fresh = false; // it was tried
    for (const each of isDead ? [entry, ...lane.drain()] : [entry]) attempts.decide(each, outcome);
    if (!isDead) this.#wait(lane);
    return undefined;
  }

  /** It may have asked for less just now. */
  #wait(lane: Lane): void {
    const now = this.#o.clock.now();
    const until = lane.way.gate.askedToWait(now);
    if (until === undefined || until === lane.quietUntil) return;
    lane.quietUntil = until;
    this.#o.log.info({ site: lane.name, pauseMs: Math.round(until - now) }, "a site asked us to send less");
    this.#sendAway(lane);
  }

  /** The site answered well: it may bear another connection. */
  #went(lane: Lane, gate: LaneWay["gate"]): void {
    gate.went("well", this.#o.clock.now());
    if (lane.size > 0) this.#man(lane);
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
      const settled: Promise<void> = this.#o.attempts.attempt(entry, async (queued) => {
        const outcomes = await carrier.carry(queued, this.#o.signal);
        if (outcomes === "stale") {
          free("stale");
          return undefined;
        }
        const less = heeded(outcomes, gate, this.#o.clock.now());
        if (less) this.#wait(lane);
        else if (carrier.reusable) this.#went(lane, gate);
        free({ settled });
        return less ?? outcomes;
      });
      // Gone, held or failed before it was carried: the connection is as free as it was.
      void settled.then(() => free({ settled }));
    });
  }
}
