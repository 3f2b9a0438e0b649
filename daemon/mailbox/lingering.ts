/**
 * What nobody uses at the moment and somebody may use again soon: kept for a while, within bounds.
 *
 * In:     things, what each weighs, and what lets go of it.
 * Limits: the longest unused goes first when all together weigh too much; nothing is kept longer than `ms`.
 */
import type { Clock } from "../kit/clock.ts";

export interface LingeringLimits {
  readonly weight: number;
  readonly ms: number;
}

interface Kept {
  readonly weight: number;
  readonly since: number;
  readonly drop: () => void;
}

export class Lingering<T extends object> implements Disposable {
  readonly #limits: LingeringLimits;
  readonly #clock: Pick<Clock, "monotonic">;
  /** The longest unused first. */
  readonly #kept = new Map<T, Kept>();
  #weight = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(limits: LingeringLimits, clock: Pick<Clock, "monotonic">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get weight(): number {
    return this.#weight;
  }

  /** `drop` is called once, unless the thing is taken before; at once when there is no room for it. */
  keep(thing: T, weight: number, drop: () => void): void {
    if (this.#closed) return drop();
    this.take(thing);
    this.#kept.set(thing, { weight, since: this.#clock.monotonic(), drop });
    this.#weight += weight;
    this.sweep();
    this.#timer ??= setInterval(() => this.sweep(), this.#limits.ms / 4).unref();
  }

  /** It is used again: true when it was kept. */
  take(thing: T): boolean {
    const found = this.#kept.get(thing);
    if (!found) return false;
    this.#kept.delete(thing);
    this.#weight -= found.weight;
    return true;
  }

  /** Lets go of what is too old or too much. */
  sweep(): void {
    this.shrink(this.#limits.weight);
  }

  /** The same, with less room for the moment. */
  shrink(room: number): void {
    const most = Math.min(room, this.#limits.weight);
    const before = this.#clock.monotonic() - this.#limits.ms;
    for (const [thing, { since, drop }] of this.#kept) {
      if (since > before && this.#weight <= most) break;
      this.take(thing);
      drop();
    }
    if (this.#kept.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Lets go of everything, now and later. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const [thing, { drop }] of this.#kept) {
      this.take(thing);
      drop();
    }
  }
}
