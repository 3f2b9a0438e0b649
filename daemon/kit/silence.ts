/**
 * Patience with somebody who works for us: ends when nothing was heard for too long, or when it all takes too long.
 *
 * In:     how long either may last; `heard()` whenever something went on.
 * Out:    a signal, aborted with a reason in words when patience is over.
 */
import type { Clock } from "./clock.ts";

export interface SilenceLimits {
  readonly silentMs: number;
  readonly totalMs: number;
}

export class Silence implements Disposable {
  readonly #clock: Clock;
  readonly #limits: SilenceLimits;
  readonly #over = new AbortController();
  readonly #began: number;
  #heard: number;

  constructor(limits: SilenceLimits, clock: Clock) {
    this.#clock = clock;
    this.#limits = limits;
    this.#began = this.#heard = clock.monotonic();
    void this.#watch();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  readonly heard = (): void => {
    this.#heard = this.#clock.monotonic();
  };

  /** Nobody waits any more. */
  [Symbol.dispose](): void {
    this.#over.abort(new Error("it is over"));
  }

  async #watch(): Promise<void> {
    const { silentMs, totalMs } = this.#limits;
    const { signal } = this.#over;
    while (!signal.aborted) {
      const now = this.#clock.monotonic();
      const rest = Math.min(this.#heard + silentMs, this.#began + totalMs) - now;
      if (rest > 0) await this.#clock.sleep(rest, signal).catch(() => {});
      else
        this.#over.abort(
          new Error(now - this.#began >= totalMs ? "it took too long" : "it was silent for too long"),
        );
    }
  }
}
