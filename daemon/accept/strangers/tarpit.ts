/**
 * Where clients wait that make many mistakes: so many at once and no more, since each holds a connection.
 *
 * When all places are taken, answers come at once: then it is the counts that keep such clients out.
 */
import type { Clock } from "../../kit/clock.ts";
import { Slots } from "../../kit/slots.ts";

export class Tarpit {
  readonly #places: Slots;
  readonly #clock: Clock;

  constructor(places: number, clock: Clock) {
    this.#places = new Slots(places);
    this.#clock = clock;
  }

  /** Resolves when the time is over, or the client has gone. */
  wait(ms: number, signal: AbortSignal): undefined | Promise<void> {
    if (ms <= 0 || signal.aborted || !this.#places.tryTake()) return undefined;
    return this.#clock
      .sleep(ms, signal)
      .catch(() => {})
      .finally(() => this.#places.give());
  }
}
