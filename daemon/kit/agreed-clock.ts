/**
 * A wall clock that follows no jump that another clock has not seen. Of two clocks that begin to differ one is wrong, and
 * nobody knows which: until they agree again, time goes on from when they did, at the pace of the clock that never jumps.
 *
 * In:     the machine's clock; `compare` with what another one shows, every few seconds.
 * Out:    a `Clock`. Never compared, it is the machine's. When the two differ at their first comparison, it is the other
 *         one, which others are compared with as well: what all of them agree on is never early or late among them.
 * Limits: what is within `SLEW_MS` is a clock being disciplined, and followed at once. A clock that jumps together with
 *         the other one (one machine, one that was suspended) is followed when they are compared.
 */
import type { Clock } from "./clock.ts";

/** Two machines' clocks may be so far apart and still be the same time. */
const TOLERANCE_MS = 30_000;
const SLEW_MS = 2_000;

export interface Agreement {
  readonly kind: "agreed" | "differs";
  /** The machine's clock is ahead of the other by so much. */
  readonly aheadMs: number;
}

export class AgreedClock implements Clock {
  readonly #system: Clock;
  /** Wall clock less monotonic clock, as agreed. */
  #offset: number | undefined;

  constructor(system: Clock) {
    this.#system = system;
  }

  now(): number {
    const { wall, monotonic } = this.#read();
    if (this.#offset === undefined) return wall;
    if (Math.abs(wall - monotonic - this.#offset) <= SLEW_MS) this.#offset = wall - monotonic;
    return monotonic + this.#offset;
  }

  monotonic(): number {
    return this.#system.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#system.sleep(ms, signal);
  }

  /** `theirs`: what the other clock shows at this moment. */
  compare(theirs: number): Agreement {
    const { wall, monotonic } = this.#read();
    const aheadMs = wall - theirs;
    if (Math.abs(aheadMs) <= TOLERANCE_MS) {
      this.#offset = wall - monotonic;
      return { kind: "agreed", aheadMs };
    }
    this.#offset ??= theirs - monotonic;
    return { kind: "differs", aheadMs };
  }

  #read(): { readonly wall: number; readonly monotonic: number } {
    return { wall: this.#system.now(), monotonic: this.#system.monotonic() };
  }
}
