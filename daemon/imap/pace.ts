/**
 * Long work in short turns, so that no session keeps the others waiting.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../kit/clock.ts";

const turnMs = 4;

export class Pace {
  readonly #clock: Pick<Clock, "monotonic">;
  #began: number;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  /** The turn has lasted long enough: await `rest()`. */
  get due(): boolean {
    return this.#clock.monotonic() - this.#began >= turnMs;
  }

  async rest(): Promise<void> {
    await nextTurn();
    this.#began = this.#clock.monotonic();
  }
}
