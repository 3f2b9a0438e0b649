/**
 * Rates per key: `count` events in `perMs`, all at once if they like, then evenly spread.
 *
 * One number per key (the generic cell rate algorithm: the moment at which the key is back to a clean slate), so that
 * a hundred thousand clients cost a few megabytes. Keys whose slate is clean are forgotten when room is needed; when
 * there are none, the oldest go: under a flood from too many sources the rate of one source is not the remedy.
 */
export interface Rate {
  /** Events; at least 1. */
  readonly count: number;
  readonly perMs: number;
}

export class Rates {
  /** When the key's slate is clean again, in ms of the caller's clock. */
  readonly #clean = new Map<string, number>();
  readonly #maxKeys: number;

  constructor(maxKeys = 100_000) {
    this.#maxKeys = Math.max(1, maxKeys);
  }

  /** How long until one more event is within the rate, in ms; 0: now. Takes nothing. */
  wait(key: string, rate: Rate, now: number): number {
    const clean = this.#clean.get(key);
    if (clean === undefined || clean <= now) return 0;
    return Math.max(0, clean - now - (rate.perMs - rate.perMs / rate.count));
  }

  /** Takes one event and returns 0, or takes nothing and returns how long to wait, in ms. */
  take(key: string, rate: Rate, now: number): number {
    const wait = this.wait(key, rate, now);
    if (wait > 0) return wait;
    const clean = this.#clean.get(key);
    if (clean === undefined && this.#clean.size >= this.#maxKeys) this.#makeRoom(now);
    this.#clean.set(key, Math.max(clean ?? now, now) + rate.perMs / rate.count);
    return 0;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#clean.size;
  }

  #makeRoom(now: number): void {
    for (const [key, clean] of this.#clean) if (clean <= now) this.#clean.delete(key);
    // A tenth at once, so that the scan above is paid for rarely.
    let surplus = this.#clean.size - Math.floor(this.#maxKeys * 0.9);
    for (const key of this.#clean.keys()) {
      if (surplus-- <= 0) return;
      this.#clean.delete(key);
    }
  }
}
