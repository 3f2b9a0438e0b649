/**
 * A lane: the jobs that wait for one way out, and the workers that carry them.
 *
 * Targets that share a lane take turns, so that many messages for one domain do not keep one message for another waiting
 * that is hosted at the same site. So do, within a target, what was never tried and what is tried again: a message of this moment does
 * not stand behind a hundred thousand that were put off.
 */
import { Deque } from "../kit/deque.ts";
import type { Entry } from "../queue/schedule.ts";
import type { Way } from "./carrier.ts";

export type LaneWay = Extract<Way, { kind: "lane" }>;

/** Of one target, in the order of its times. */
interface Line {
  readonly target: string;
  readonly untried: boolean;
  readonly entries: Deque<Entry>;
}

export class Lane {
  readonly name: string;
  /** The newest way that led here: its `open` is used for new connections. */
  way: LaneWay;
  workers = 0;
  /** It was given mail that was never tried: a new owner knows no site, and most of what it finds was put off before. */
  fresh = false;
  timer: NodeJS.Timeout | undefined;
  /** Until when its site has asked us to wait, as far as that was told. */
  quietUntil: number | undefined;
  readonly #untried = new Map<string, Line>();
  readonly #again = new Map<string, Line>();
  readonly #turns = new Deque<Line>();
  readonly #idle: ((entry: Entry | undefined) => void)[] = [];
  #size = 0;

  constructor(way: LaneWay) {
    this.name = way.lane;
    this.way = way;
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** To a worker that idles on an open connection, else in line. */
  add(entry: Entry): void {
    const idle = this.#idle.pop();
    if (idle) {
      idle(entry);
      return;
    }
    this.#lineOf(entry).push(entry);
    this.#size++;
  }

  /** Its turn came when nothing may go: it stands in front again. */
  putBack(entry: Entry): void {
    this.#lineOf(entry).unshift(entry);
    this.#size++;
  }

  #lineOf({ target, untried }: Entry): Deque<Entry> {
    const lines = this.#linesOf(untried);
    const known = lines.get(target);
    if (known) return known.entries;
    const line = { target, untried, entries: new Deque<Entry>() };
    lines.set(target, line);
    this.#turns.push(line);
    return line.entries;
  }

  #linesOf(untried: boolean): Map<string, Line> {
    return untried ? this.#untried : this.#again;
  }

  /** Of the targets that are meant: how many wait, and since when the oldest is due. */
  waiting(of: (target: string) => boolean): { readonly jobs: number; readonly oldest: number } {
    let jobs = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for (const { target, entries } of this.#lines()) {
      if (!of(target)) continue;
      jobs += entries.size;
      oldest = Math.min(oldest, entries.peek()?.due ?? oldest); // the line is in the order of its times
    }
    return { jobs, oldest };
  }

  take(): Entry | undefined {
    for (let line = this.#turns.shift(); line !== undefined; line = this.#turns.shift()) {
      const entry = line.entries.shift();
      if (line.entries.size > 0) this.#turns.push(line);
      else this.#linesOf(line.untried).delete(line.target);
      if (entry === undefined) continue; // what stood there was taken out
      this.#size--;
      return entry;
    }
    return undefined;
  }

  /** Takes out what has been due since before then, as far as it stands in front of its line. */
  older(before: number): Entry[] {
    const old: Entry[] = [];
    for (const { entries } of this.#lines())
      while ((entries.peek()?.due ?? Number.POSITIVE_INFINITY) < before) old.push(entries.shift() as Entry);
    this.#size -= old.length;
    return old;
  }

  *#lines(): Iterable<Line> {
    yield* this.#untried.values();
    yield* this.#again.values();
  }

  /** Takes everything out of the line. */
  drain(): Entry[] {
    const all: Entry[] = [];
    for (let entry = this.take(); entry; entry = this.take()) all.push(entry);
    return all;
  }

  /** The next job, or `undefined` when none came within `ms`. The worker keeps its connection meanwhile. */
  linger(ms: number): Promise<Entry | undefined> {
    return new Promise((resolve) => {
      const done = (entry: Entry | undefined) => {
        clearTimeout(timer);
        const at = this.#idle.indexOf(done);
        if (at >= 0) this.#idle.splice(at, 1);
        resolve(entry);
      };
      const timer = setTimeout(done, ms, undefined);
      this.#idle.push(done);
    });
  }

  /** Sends every idle worker home. */
  dismiss(): void {
    for (const idle of this.#idle.splice(0)) idle(undefined);
  }
}
