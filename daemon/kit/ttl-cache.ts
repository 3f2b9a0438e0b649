/**
 * A bounded map whose entries end: what is asked for least recently leaves first, what has ended is never given.
 *
 * Time is passed in, in milliseconds of a clock that never jumps. Where strangers choose how large values are, they are
 * weighed, too.
 */
import { forgetOldest } from "./oldest.ts";

export interface Weighing<V> {
  /** All together. */
  readonly most: number;
  of(key: string, value: V): number;
}

interface Entry<V> {
  readonly value: V;
  readonly until: number;
}

export class TtlCache<V> {
  /** Insertion order is the order of last use. */
  readonly #entries = new Map<string, Entry<V>>();
  readonly #capacity: number;
  readonly #weighing: Weighing<V> | undefined;
  #weight = 0;

  constructor(capacity: number, weighing?: Weighing<V>) {
    this.#capacity = capacity;
    this.#weighing = weighing;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.until <= now) {
      this.#forget(key, entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** An entry that has ended already is not kept. */
  set(key: string, value: V, until: number, now: number): void {
    this.delete(key);
    if (until <= now) return;
    this.#entries.set(key, { value, until });
    if (this.#weighing) this.#weigh(this.#weighing, key, value);
    else forgetOldest(this.#entries, this.#capacity);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) this.#forget(key, entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  #forget(key: string, { value }: Entry<V>): void {
    this.#entries.delete(key);
    this.#weight -= this.#weighing?.of(key, value) ?? 0;
  }

  /** A sixteenth goes at once, as with `forgetOldest`. */
  #weigh({ most, of }: Weighing<V>, key: string, value: V): void {
    this.#weight += of(key, value);
    const [crowded, heavy] = [this.#entries.size > this.#capacity, this.#weight > most];
    if (!crowded && !heavy) return;
    const size = crowded ? this.#capacity - (this.#capacity >> 4) : Number.POSITIVE_INFINITY;
    const weight = heavy ? most - most / 16 : Number.POSITIVE_INFINITY;
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= size && this.#weight <= weight) return;
      this.#forget(oldest, entry);
    }
  }
}
