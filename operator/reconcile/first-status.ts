/**
 * When the first status of a domain or mailbox is written, and with what: the API server works longer on a status than on
 * anything else that we ask of it, so that one that says everything is worth a wait, and with thousands of domains a short one is.
 *
 * In:     whether it is known to all daemons, or cannot be; whether many others wait for their turn.
 * Out:    `left`: how long the first status may still wait, ms. `isBrief`: a domain's goes without the lists of DNS records and
 *         endpoints, which come with what DNS says, after a quarter of an hour at the latest (`briefMs`).
 */
import type { Clock } from "../../daemon/kit/clock.ts";

/** What will be known to all in a moment is told once, then. */
const momentMs = 2_000;
/** The same in a rush. */
const rushMs = 120_000;
/** In a rush nobody is looked at again sooner. */
const againMs = 10_000;
/** By then ten thousand domains have had their turn; sooner, and each would be told once more before. */
export const briefMs = 900_000;

export interface FirstStatusOptions {
  readonly clock: Clock;
  readonly isCrowded: () => boolean;
}

export class FirstStatus {
  readonly #clock: Clock;
  readonly #isCrowded: () => boolean;
  /** Since when it has been waiting to be loaded by all. */
  readonly #waiting = new Map<string, number>();
  /** Since when its status has been without records. */
  readonly #brief = new Map<string, number>();

  constructor({ clock, isCrowded }: FirstStatusOptions) {
    this.#clock = clock;
    this.#isCrowded = isCrowded;
  }

  /** Asked again after that time at the latest. */
  left(key: string): number {
    const now = this.#clock.monotonic();
    const since = this.#waiting.get(key) ?? now;
    this.#waiting.set(key, since);
    const crowded = this.#isCrowded();
    const left = Math.max(0, since + (crowded ? rushMs : momentMs) - now);
    return crowded ? Math.min(left, againMs) : left;
  }

  isWaiting(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Nothing is waited for any more. */
  due(key: string): void {
    this.#waiting.delete(key);
  }

  /** `first`: nothing was ever said of it; what DNS says of it is not known yet. */
  isBrief(key: string, first: boolean): boolean {
    const now = this.#clock.monotonic();
    if (first && !this.#brief.has(key) && this.#isCrowded()) this.#brief.set(key, now);
    const since = this.#brief.get(key);
    if (since === undefined) return false;
    if (now - since < briefMs) return true;
    this.#brief.delete(key);
    return false;
  }

  /** The records are told. */
  whole(key: string): void {
    this.#brief.delete(key);
  }

  forget(key: string): void {
    this.#waiting.delete(key);
    this.#brief.delete(key);
  }
}
