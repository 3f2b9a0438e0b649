/**
 * A clock that moves only when told: `advance` lets time pass and wakes the sleepers whose time has come, in order.
 */
import type { Clock } from "../../daemon/kit/clock.ts";

export class FakeClock implements Clock {
  #time: number;
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();

  constructor(start = 1_700_000_000_000) {
    this.#time = start;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  /** How many sleep now. */
  get asleep(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const end = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", stop);
      };
      const stop = () => {
        end();
        reject(signal?.reason);
      };
      const wake = () => {
        end();
        resolve();
      };
      const sleeper = { until: this.#time + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  advance(ms: number): void {
    this.#time += ms;
    const due = [...this.#sleepers].filter((sleeper) => sleeper.until <= this.#time);
    for (const sleeper of due.sort((a, b) => a.until - b.until)) sleeper.wake();
  }
}
