/**
 * A bounded map whose entries end: what is asked for least recently leaves first, what has ended is never given.
 *
 * Time is passed in, in milliseconds of a clock that never jumps.
 */
import { forgetOldest } from "./oldest.ts";

export class TtlCache<V> {
  /** Insertion order is the order of last use. */
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): { readonly value: V; readonly until: number } | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.until <= now) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  /** An entry that has ended already is not kept. */
  set(key: string, value: V, until: number, now: number): void {
    this.#entries.delete(key);
    if (until <= now) return;
    this.#entries.set(key, { value, until });
    forgetOldest(this.#entries, this.#capacity);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
