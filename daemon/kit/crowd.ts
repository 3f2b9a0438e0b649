/**
 * Lets a few of each kind work at once; others of the same kind wait for their turn, in the order they came.
 *
 * In:     a key, such as a client's network, and the work.
 * Memory: only keys that somebody is working under.
 */
export class Crowd {
  readonly #most: number;
  readonly #working = new Map<string, { count: number; readonly waiting: (() => void)[] }>();

  constructor(most: number) {
    this.#most = most;
  }

  async pass<T>(key: string, work: () => Promise<T>): Promise<T> {
    const place = this.#working.get(key) ?? { count: 0, waiting: [] };
    this.#working.set(key, place);
    // Whoever ends hands the place to the next, so the count stays.
    if (place.count >= this.#most) await new Promise<void>((resolve) => place.waiting.push(resolve));
    else place.count++;
    try {
      return await work();
    } finally {
      const next = place.waiting.shift();
      if (next) next();
      else if (--place.count === 0) this.#working.delete(key);
    }
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#working.size;
  }
}
