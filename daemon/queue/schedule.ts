/**
 * The schedule of an owner: every job it owns, and which is due next. A binary heap by due time over small entries:
 * about 300 octets a job, whatever the job's record weighs, since the record is read again when its time comes.
 *
 * An entry is `waiting` (in the heap), `parked` (held: not before its record changes), or `busy` (handed out by
 * `takeDue`, until `put`, `wait` or `remove`).
 */
import type { JobKey, Queued } from "./job.ts";

/** What an operator wants of a job at once. */
export type Wish = "none" | "retry" | "bounce" | "hold";

export interface Entry {
  readonly key: JobKey;
  revision: number;
  /** ms since the epoch; `Infinity` while held. */
  due: number;
  partition: number;
  /** What it is queued for: policy and destination, one string shared by all entries of a kind. */
  target: string;
  state: "waiting" | "parked" | "busy";
  wish: Wish;
  /** It was never attempted. */
  untried: boolean;
  /** The record itself, kept only while it is fresh and due. */
  queued: Queued | undefined;
  /** Place in the heap, -1 when it is not there. */
  at: number;
  /** Those that it is kept back with, while its policy or site is paused. */
  keptIn: Set<Entry> | undefined;
}

/** Written out, since fields that come by a spread lie in a second object: 25 octets a job. */
const newEntry = (
  key: JobKey,
  revision: number,
  due: number,
  partition: number,
  target: string,
  wish: Wish,
): Entry => ({
  key,
  revision,
  due,
  partition,
  target,
  state: "parked",
  wish,
  untried: false,
  queued: undefined,
  at: -1,
  keptIn: undefined,
});

/** A key that was cut out of a subject keeps all of the subject in memory, and a view of it: 32 octets a job. */
const flat = (key: JobKey): JobKey => Buffer.from(key, "latin1").toString("latin1") as JobKey;

export interface Due {
  readonly jobs: number;
  readonly later: number;
  /** ms since the epoch */
  readonly oldest: number | undefined;
}

const everyTarget = () => true;
/** More than this, and those of jobs long gone are looked for. */
const MANY_TARGETS = 50_000;

export class Schedule {
  readonly #entries = new Map<JobKey, Entry>();
  readonly #heap: Entry[] = [];
  /**
   * One string per target: 100,000 jobs for one destination do not hold 100,000 copies of its name. And how many of its jobs
   * are in the heap, so that asking costs a look at the targets and not at every job.
   */
  readonly #targets = new Map<string, { readonly name: string; waiting: number }>();
  #tooMany = MANY_TARGETS;

  get size(): number {
    return this.#entries.size;
  }

  get(key: JobKey): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Every entry, in no order that means anything. It may be read in turns, while entries come and go. */
  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Adds the job, or takes over its new record. A busy entry stays busy: its attempt is still under way. */
  put(
    key: JobKey,
    revision: number,
    due: number,
    partition: number,
    target: string,
    wish: Wish = "none",
  ): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const own = flat(key);
      entry = newEntry(own, revision, due, partition, this.#intern(target), wish);
      this.#entries.set(own, entry);
    } else {
      if (entry.at >= 0) this.#out(entry);
      entry.revision = revision;
      entry.target = this.#intern(target);
      entry.wish = wish;
      if (entry.state === "busy") {
        entry.due = due;
        return entry;
      }
    }
    this.wait(entry, due);
    return entry;
  }

  /** Back into the heap, due then. */
  wait(entry: Entry, due: number): void {
    if (this.#entries.get(entry.key) !== entry) return;
    if (entry.at >= 0) this.#out(entry);
    entry.due = due;
    if (due === Number.POSITIVE_INFINITY) {
      entry.state = "parked";
      return;
    }
    entry.state = "waiting";
    entry.at = this.#heap.length;
    this.#heap.push(entry);
    this.#up(entry.at);
    this.#count(entry.target, 1);
  }

  /** The clock was set: every time that is waited for moves with it, and their order stays. */
  shift(ms: number): void {
    for (const entry of this.#heap) entry.due += ms;
  }

  remove(key: JobKey): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.at >= 0) this.#out(entry);
    return entry;
  }

  nextDue(): number | undefined {
    return this.#heap[0]?.due;
  }

  /** The entry that has been due longest, now busy. */
  takeDue(now: number): Entry | undefined {
    const entry = this.#heap[0];
    if (entry === undefined || entry.due > now) return undefined;
    this.#out(entry);
    entry.state = "busy";
    return entry;
  }

  /** This one, out of its turn; false when it is not waiting, not due, or gone. */
  take(entry: Entry, now: number): boolean {
    if (entry.state !== "waiting" || entry.due > now || this.#entries.get(entry.key) !== entry) return false;
    this.#out(entry);
    entry.state = "busy";
    return true;
  }

  /** Forgets all jobs of these partitions; returns them. */
  drop(partitions: ReadonlySet<number>): Entry[] {
    const dropped: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (!partitions.has(entry.partition)) continue;
      dropped.push(entry);
      this.remove(entry.key);
    }
    if (this.#entries.size === 0) this.#targets.clear();
    return dropped;
  }

  /**
   * How many are due, since when the oldest is, and how many wait for a later time; for metrics and scaling. Costs a look at
   * what is due and at every target, not at every job.
   */
  due(now: number, of: (target: string) => boolean = everyTarget): Due {
    let jobs = 0;
    let oldest: number | undefined;
    // Below an entry of the heap there are only later ones.
    const looks = [0];
    for (let i = looks.pop(); i !== undefined; i = looks.pop()) {
      const entry = this.#heap[i];
      if (entry === undefined || entry.due > now) continue;
      looks.push(2 * i + 1, 2 * i + 2);
      if (!of(entry.target)) continue;
      jobs++;
      if (oldest === undefined || entry.due < oldest) oldest = entry.due;
    }
    let all = 0;
    for (const [target, { waiting }] of this.#targets) if (waiting > 0 && of(target)) all += waiting;
    return { jobs, later: all - jobs, oldest };
  }

  /** A target may have been forgotten while its jobs were busy. */
  #count(target: string, by: 1 | -1): void {
    const known = this.#targets.get(target);
    if (known) known.waiting += by;
    else this.#targets.set(target, { name: target, waiting: by });
  }

  #intern(target: string): string {
    const known = this.#targets.get(target);
    if (known !== undefined) return known.name;
    if (this.#targets.size >= this.#tooMany) this.#forgetTargets();
    this.#targets.set(target, { name: target, waiting: 0 });
    return target;
  }

  /** Those without a job in the heap; entries that are parked or busy keep the strings that they share. */
  #forgetTargets(): void {
    for (const [target, { waiting }] of this.#targets) if (waiting === 0) this.#targets.delete(target);
    this.#tooMany = Math.max(MANY_TARGETS, 2 * this.#targets.size);
  }

  #out(entry: Entry): void {
    const { at } = entry;
    if (at < 0) return;
    entry.at = -1;
    this.#count(entry.target, -1);
    const last = this.#heap.pop() as Entry;
    if (last === entry) return;
    this.#heap[at] = last;
    last.at = at;
    this.#up(at);
    this.#down(last.at);
  }

  #up(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let i = from;
    while (i > 0) {
      const p = (i - 1) >> 1;
      const parent = heap[p] as Entry;
      if (parent.due <= entry.due) break;
      heap[i] = parent;
      parent.at = i;
      i = p;
    }
    heap[i] = entry;
    entry.at = i;
  }

  #down(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let i = from;
    for (;;) {
      let c = 2 * i + 1;
      if (c >= heap.length) break;
      if (c + 1 < heap.length && (heap[c + 1] as Entry).due < (heap[c] as Entry).due) c++;
      const child = heap[c] as Entry;
      if (child.due >= entry.due) break;
      heap[i] = child;
      child.at = i;
      i = c;
    }
    heap[i] = entry;
    entry.at = i;
  }
}
