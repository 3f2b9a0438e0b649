/**
 * Where clients wait that make many mistakes: so many at once and no more, since each holds a connection.
 *
 * When all places are taken, answers come at once: then it is the counts that keep such clients out. A process that is to
 * end lets go of all of them.
 */
import type { Clock } from "../../kit/clock.ts";
import { Slots } from "../../kit/slots.ts";

export class Tarpit {
  readonly #places: Slots;
  readonly #clock: Clock;
  readonly #open = new AbortController();

  constructor(places: number, clock: Clock) {
    this.#places = new Slots(places);
    this.#clock = clock;
  }

  /** Resolves when the time is over, the client has gone, or nobody is made to wait any more. */
  wait(ms: number, signal: AbortSignal): undefined | Promise<void> {
    const ends = AbortSignal.any([signal, this.#open.signal]);
    if (ms <= 0 || ends.aborted || !this.#places.tryTake()) return undefined;
    return this.#clock
      .sleep(ms, ends)
      .catch(() => {})
      .finally(() => this.#places.give());
  }

  /** From now on nobody waits. */
  close(): void {
    this.#open.abort();
  }
}
