/**
 * The jobs of an owner while they wait for their time: the schedule, an alarm for what is due next, and the records of
 * what is due, kept until their turn as long as memory allows: half of it is for those that were never tried.
 *
 * In:     jobs as they become known and change.
 * Out:    `onDue` when something may be due; `takeDue` gives it, busy from then on: in turn what was never tried, and what has been
 *         due longest.
 */
import type { Clock } from "../kit/clock.ts";
import type { JobKey, Queued } from "../queue/job.ts";
import { Line } from "../kit/line.ts";
import { type Due, type Entry, Schedule, type Wish } from "../queue/schedule.ts";

export interface BacklogOptions {
  readonly clock: Clock;
  /** Octets of fresh records kept in memory. */
  readonly maxFresh: number;
  readonly onDue: () => void;
}

/** What a job is put down with. */
export interface Placing {
  readonly partition: number;
  /** ms since the epoch; `Infinity`: not before its record changes. */
  readonly due: number;
  readonly target: string;
  readonly wish: Wish;
}

/** Less than this is a clock that is being disciplined. */
const SET_BACK_MS = 2_000;
/** The clock may be set, and timers have a longest time: the alarm never sleeps longer than this. */
const LONGEST_SLEEP_MS = 60_000;

export class Backlog {
  readonly #o: BacklogOptions;
  readonly #schedule = new Schedule();
  /** Those that wait and were never tried: they do not stand behind a million that came due before them. */
  readonly #untried = new Line<Entry>();
  #untriedNext = true;
  #fresh = 0;
  /** How far the wall clock is ahead of the one that nobody sets. */
  #ahead: number;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: BacklogOptions) {
    this.#o = options;
    this.#ahead = options.clock.now() - options.clock.monotonic();
  }

  get size(): number {
    return this.#schedule.size;
  }

  entries(): Iterable<Entry> {
    return this.#schedule.entries();
  }

  due(now: number, of?: (target: string) => boolean): Due {
    return this.#schedule.due(now, of);
  }

  put(queued: Queued, { partition, due, target, wish }: Placing): Entry {
    const entry = this.#schedule.put(queued.key, queued.revision, due, partition, target, wish);
    this.forget(entry);
    entry.untried = queued.job.attempts === 0;
    if (entry.state === "busy") return entry;
    if (due <= this.#o.clock.now() && this.#hasRoom(entry)) this.#keep(entry, queued);
    this.#lineUp(entry);
    return entry;
  }

  /** The job is gone. */
  remove(key: JobKey): Entry | undefined {
    const entry = this.#schedule.remove(key);
    if (entry) this.#letGo(entry);
    return entry;
  }

  #letGo(entry: Entry): void {
    this.#untried.remove(entry);
    this.forget(entry);
  }

  /** What was tried before is seldom with its body, and is read again for a few hundred octets. */
  #hasRoom({ untried }: Entry): boolean {
    const { maxFresh } = this.#o;
    return this.#fresh < (untried ? maxFresh : maxFresh / 2);
  }

  /** Where it stands when its time has come. */
  #lineUp(entry: Entry): void {
    this.#untried.remove(entry);
    if (entry.state !== "waiting") return;
    if (entry.untried && entry.due <= this.#o.clock.now()) this.#untried.push(entry);
    this.arm(entry.due);
  }

  /** Somebody else's from now on. */
  drop(partitions: readonly number[]): readonly Entry[] {
    const dropped = this.#schedule.drop(new Set(partitions));
    for (const entry of dropped) this.#letGo(entry);
    return dropped;
  }

  takeDue(now: number): Entry | undefined {
    this.#followClock();
    this.#untriedNext = !this.#untriedNext;
    const untried = this.#untriedNext ? this.#takeUntried(now) : undefined;
    const entry = untried ?? this.#schedule.takeDue(now);
    if (entry) this.#untried.remove(entry);
    return entry;
  }

  /** One whose time is ahead again, since the clock was set back, stands where all others do. */
  #takeUntried(now: number): Entry | undefined {
    const entry = this.#untried.shift();
    return entry && this.#schedule.take(entry, now) ? entry : undefined;
  }

  /** What was to wait ten minutes must not wait an hour and ten because somebody set the clock back by an hour. */
  #followClock(): void {
    const ahead = this.#o.clock.now() - this.#o.clock.monotonic();
    const back = this.#ahead - ahead;
    this.#ahead = ahead;
    if (back > SET_BACK_MS) this.#schedule.shift(-back);
  }

  /** Still what is known under its key: neither gone nor lost meanwhile. */
  owns(entry: Entry): boolean {
    return this.#schedule.get(entry.key) === entry;
  }

  /** Back in line, due then. */
  wait(entry: Entry, due: number): void {
    this.#schedule.wait(entry, due);
    if (this.owns(entry)) this.#lineUp(entry);
  }

  later(entry: Entry, ms: number): void {
    this.forget(entry);
    this.wait(entry, this.#o.clock.now() + ms);
  }

  settled(entry: Entry): void {
    if (this.owns(entry)) this.#schedule.remove(entry.key);
  }

  /** Lets go of the record. */
  forget(entry: Entry): void {
    if (entry.queued === undefined) return;
    this.#fresh -= weigh(entry.queued);
    entry.queued = undefined;
  }

  /** Sees to it that `onDue` is called then, or when something else is due before. */
  arm(due: number): void {
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    const wait = Math.min(Math.max(0, due - this.#o.clock.now()), LONGEST_SLEEP_MS);
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#o.onDue();
    }, wait);
  }

  /** For what is due next. */
  armNext(): void {
    const next = this.#schedule.nextDue();
    if (next !== undefined) this.arm(next);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #keep(entry: Entry, queued: Queued): void {
    entry.queued = queued;
    this.#fresh += weigh(queued);
  }
}

const weigh = (queued: Queued): number => 1_024 + (queued.inline?.length ?? 0);
