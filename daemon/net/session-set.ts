/**
 * The sessions of one listener: their number, their clock, and the two ways to stop them.
 *
 * In:     sessions as they begin and end.
 * Out:    a tick a second for each; `drain` resolves when none is left.
 * Fails:  never. A session that fails at its tick is ended, and holds up no other.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";

export interface Served {
  /** Ends by itself as soon as it can. */
  drain(): void;
  /** Ends at once. */
  abort(): void;
  /** `now` is monotonic. */
  tick(now: number): void;
}

/** How often sessions look at the time: their time-outs are seconds to minutes. */
const tickMs = 1_000;

export class SessionSet<S extends Served> implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open = new Set<S>();
  readonly #stop = new AbortController();
  #draining: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    void this.#watchTime();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Before the session starts. */
  add(session: S): void {
    this.#open.add(session);
    if (this.#draining) session.drain();
  }

  remove(session: S): void {
    this.#open.delete(session);
    this.#settle();
  }

  drain(): Promise<void> {
    this.#draining ??= Promise.withResolvers();
    for (const session of this.#open) session.drain();
    this.#settle();
    return this.#draining.promise;
  }

  abort(): void {
    for (const session of this.#open) session.abort();
  }

  /** Time stands still from here on. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** One sleeper for all sessions instead of a timer for each. */
  async #watchTime(): Promise<void> {
    for (;;) {
      try {
        await this.#clock.sleep(tickMs, this.#stop.signal);
      } catch {
        return; // stopped
      }
      const now = this.#clock.monotonic();
      for (const session of this.#open) this.#tick(session, now);
    }
  }

  #tick(session: S, now: number): void {
    try {
      session.tick(now);
    } catch (error) {
      this.#log.error({ err: error }, "a session could not look at its time-outs: it is ended");
      session.abort();
    }
  }

  #settle(): void {
    if (this.#open.size === 0) this.#draining?.resolve();
  }
}
