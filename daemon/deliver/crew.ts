/**
 * The workers: as many per lane as its site allows, each with a connection that it keeps while there is work.
 *
 * In:     entries with their way.
 * Out:    attempts through `Carrier`s. A dead site costs one connection attempt per back-off: what waits for it is
 *         deferred with the same reply, and healthy lanes have workers of their own. What waits for a site that asked for
 *         less (`restraint`) stays in line, untried, unless it asked for long.
 * Fails:  never. Nothing is started when the lease nears its end.
 */
import { reply } from "../mail/reply.ts";
import type { Entry } from "../queue/schedule.ts";
import { Lane, type LaneWay } from "./lane.ts";
import { heldUp, leftAlone } from "./restraint.ts";
import { Shift, type ShiftMeans } from "./shift.ts";
import { Staff } from "./staff.ts";

export interface CrewOptions
  extends Pick<ShiftMeans, "backlog" | "attempts" | "clock" | "log" | "signal" | "mayStart"> {
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

const notLately = reply(451, "4.4.1", "The site did not answer lately; waiting before it is tried again");

export class Crew {
  readonly #o: CrewOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Those with workers that idle on open connections. */
  readonly #idling = new Set<Lane>();
  readonly #staff: Staff;
  readonly #means: ShiftMeans;

  constructor(options: CrewOptions) {
    this.#o = options;
    const { maxWorkers, patienceMs } = options;
    this.#staff = new Staff({ maxWorkers, patienceMs, onRoom: () => this.#feed() });
    this.#means = {
      ...options,
      linger: (lane) => this.#linger(lane),
      went: (lane) => this.#man(lane),
      wait: (lane) => this.#wait(lane),
    };
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
      if (worker === undefined) return this.#makeRoom();
      gate.take();
      lane.workers++;
      void new Shift(lane, worker, this.#means).work().finally(() => {
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
  #makeRoom(): void {
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

  /** The next job, if one comes before the connection must be given up. */
  async #linger(lane: Lane): Promise<Entry | undefined> {
    if (!this.#staff.mayLinger(lane)) return undefined;
    const lingering = lane.linger(this.#o.lingerMs);
    this.#idling.add(lane);
    const late = await lingering;
    if (lane.idle === 0) this.#idling.delete(lane);
    return late;
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
}
