/**
 * Rates per key: `count` events in `perMs`, all at once if they like, then evenly spread.
 *
 * One number per key (the generic cell rate algorithm: the moment at which the key is back to a clean slate), so that
 * a hundred thousand clients cost a few megabytes. Keys whose slate is clean are forgotten when room is needed; when
 * there are none, those go that were used least lately: under a flood from too many sources the rate of one source is not the remedy.
 *
 * Shared: what is taken here goes to `told`, what others took comes by `owe`; both as the time by which it sets the slate
 * back, so that no rate need be known to pass it on.
 */
export interface Rate {
  /** Events; at least 1. */
  readonly count: number;
  readonly perMs: number;
}

/** No slate is set back further than this, whatever others say: twice the longest time that a rate counts over. */
const furthestMs = 2 * 3_600_000;

export class Rates {
  /** Called with what is taken here. */
  told: (key: string, ms: number) => void = () => {};
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
    const share = rate.perMs / rate.count;
    this.owe(key, share, now);
    this.told(key, share);
    return 0;
  }

  /** Somebody else took what sets the slate back by `ms`. */
  owe(key: string, ms: number, now: number): void {
    this.#put(key, Math.max(this.#clean.get(key) ?? now, now) + ms, now);
  }

  /** Somebody who counted all along says that the slate is clean in `ms` only. */
  atLeast(key: string, ms: number, now: number): void {
    if (now + ms > (this.#clean.get(key) ?? now)) this.#put(key, now + ms, now);
  }

  /** How many events of a rate are on the slate, a part of one included. */
  count(key: string, rate: Rate, now: number): number {
    const clean = this.#clean.get(key) ?? now;
    return clean <= now ? 0 : ((clean - now) * rate.count) / rate.perMs;
  }

  /** What is not clean, the newest keys first, as `atLeast` takes it. */
  owed(now: number, most: number): [key: string, ms: number][] {
    const all: [string, number][] = [];
    for (const [key, clean] of this.#clean) if (clean > now) all.push([key, clean - now]);
    return all.slice(-most);
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#clean.size;
  }

  #put(key: string, clean: number, now: number): void {
    // The order is that of the last use.
    if (!this.#clean.delete(key) && this.#clean.size >= this.#maxKeys) this.#makeRoom(now);
    this.#clean.set(key, Math.min(clean, now + furthestMs));
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
