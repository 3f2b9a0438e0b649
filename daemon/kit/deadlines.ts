/**
 * One time limit for many short tasks: no timer per task, since nearly all of them end in time.
 *
 * Tasks are due in the order in which they entered (the limit is the same for all), so one sleeper that waits for the
 * eldest is enough; at a thousand tasks a second it wakes about once per limit.
 */
import type { Clock } from "./clock.ts";

export class Deadlines implements Disposable {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #stop = new AbortController();
  /** By entry number, eldest first. */
  readonly #running = new Map<number, { readonly due: number; readonly late: () => void }>();
  #entries = 0;
  #watching = false;

  constructor(limitMs: number, clock: Clock) {
    this.#limitMs = limitMs;
    this.#clock = clock;
  }

  /** Calls `late` once, unless `leave` is called with the returned number within the limit. */
  enter(late: () => void): number {
    const entry = ++this.#entries;
    this.#running.set(entry, { due: this.#clock.monotonic() + this.#limitMs, late });
    if (!this.#watching) void this.#watch();
    return entry;
  }

  leave(entry: number): void {
    this.#running.delete(entry);
  }

  /** Ends the sleeper; whoever has entered is not called any more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#running.clear();
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    for (;;) {
      const eldest = this.#running.entries().next();
      if (eldest.done) break;
      const [entry, { due, late }] = eldest.value;
      const rest = due - this.#clock.monotonic();
      if (rest <= 0) {
        this.#running.delete(entry);
        late();
      } else if (!(await this.#slept(rest))) break;
    }
    this.#watching = false;
  }

  async #slept(ms: number): Promise<boolean> {
    try {
      await this.#clock.sleep(ms, this.#stop.signal);
      return true;
    } catch {
      return false; // disposed
    }
  }
}
