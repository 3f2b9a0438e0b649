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
  /** The record itself, kept only while it is fresh and due. */
  queued: Queued | undefined;
  /** Place in the heap, -1 when it is not there. */
  at: number;
}

/** Written out, since fields that come by a spread lie in a second object: 25 octets a job. */
const newEntry = (
  key: JobKey,
  revision: number,
  due: number,
  partition: number,
  target: string,
  wish: Wish,
): Entry => ({ key, revision, due, partition, target, state: "parked", wish, queued: undefined, at: -1 });

export interface Due {
  readonly jobs: number;
  readonly later: number;
  /** ms since the epoch */
  readonly oldest: number | undefined;
}

const everyTarget = () => true;

export class Schedule {
  readonly #entries = new Map<JobKey, Entry>();
  readonly #heap: Entry[] = [];
  /** One string per target: 100,000 jobs for one destination do not hold 100,000 copies of its name. */
  readonly #targets = new Map<string, string>();

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
      entry = newEntry(key, revision, due, partition, this.#intern(target), wish);
      this.#entries.set(key, entry);
    } else {
      entry.revision = revision;
      entry.target = this.#intern(target);
      entry.wish = wish;
      if (entry.state === "busy") {
        entry.due = due;
        return entry;
      }
      this.#out(entry);
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

  /** How many are due, since when the oldest is, and how many wait for a later time; for metrics and scaling. */
  due(now: number, of: (target: string) => boolean = everyTarget): Due {
    let jobs = 0;
    let later = 0;
    let oldest: number | undefined;
    for (const { due, target } of this.#heap) {
      if (!of(target)) continue;
      if (due > now) later++;
      else {
        jobs++;
        if (oldest === undefined || due < oldest) oldest = due;
      }
    }
    return { jobs, later, oldest };
  }

  #intern(target: string): string {
    const known = this.#targets.get(target);
    if (known !== undefined) return known;
    // Targets of jobs long gone are forgotten wholesale; entries keep the strings that they share.
    if (this.#targets.size > 50_000) this.#targets.clear();
    this.#targets.set(target, target);
    return target;
  }

  #out(entry: Entry): void {
    const { at } = entry;
    if (at < 0) return;
    entry.at = -1;
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
