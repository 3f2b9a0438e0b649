/**
 * Long work in short turns, so that no session keeps the others waiting.
 *
 * However many sessions are at long work, one of them has a turn between two moments at which the sockets are looked at:
 * the others wait in a row.
 */
import type { Clock } from "../kit/clock.ts";
import { Deque } from "../kit/deque.ts";

const turnMs = 4;

export class Pace {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #row: Row;
  #began: number;

  constructor(clock: Pick<Clock, "monotonic">, row = everybody) {
    this.#clock = clock;
    this.#row = row;
    this.#began = clock.monotonic();
  }

  /** The turn has lasted long enough: await `rest()`. */
  get due(): boolean {
    return this.#clock.monotonic() - this.#began >= turnMs;
  }

  async rest(): Promise<void> {
    await this.#row.turn();
    this.#began = this.#clock.monotonic();
  }

  /** Does something with each, and rests whenever it is due. */
  async each<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
    for (const item of items) {
      work(item);
      if (this.due) await this.rest();
    }
  }
}

/** Wakes those who wait one by one, each in an iteration of the event loop of its own. */
export class Row {
  readonly #waiting = new Deque<() => void>();
  #moving = false;

  turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#move();
    return promise;
  }

  #move(): void {
    if (this.#moving || this.#waiting.size === 0) return;
    this.#moving = true;
    setImmediate(() => {
      this.#moving = false;
      this.#waiting.shift()?.();
      this.#move();
    });
  }
}

/** A process has one event loop. */
const everybody = new Row();
