/**
 * A counting semaphore: so many at once, the others in order of arrival.
 */
import { Line } from "./line.ts";

export class Slots {
  #free: number;
  readonly #waiting = new Line<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot if one is free and nobody waits for it. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /** Calls `taken` when a slot is taken for the caller; the returned function gives up waiting (or is too late: false). */
  queue(taken: () => void): () => boolean {
    // A fresh function, so that the same callback may wait twice.
    const turn = () => taken();
    if (this.tryTake()) turn();
    else this.#waiting.push(turn);
    return () => this.#waiting.remove(turn);
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  get free(): number {
    return this.#free;
  }

  get waiting(): number {
    return this.#waiting.size;
  }
}
