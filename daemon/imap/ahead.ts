/**
 * Work that is begun ahead of its turn: results come in order, while a few further ones are under way.
 *
 * Limits: so many at once, and so much weight (octets) at once; the next in turn is always begun, whatever it weighs.
 */
export interface AheadLimits {
  readonly count: number;
  readonly weight: number;
}

interface Begun<R> {
  readonly result: Promise<R>;
  readonly weight: number;
}

export class Ahead<T, R> {
  readonly #items: readonly T[];
  readonly #begin: (item: T) => Promise<R>;
  readonly #weigh: (item: T) => number;
  readonly #limits: AheadLimits;
  readonly #begun: Begun<R>[] = [];
  #next = 0;
  #weight = 0;

  constructor(
    items: readonly T[],
    begin: (item: T) => Promise<R>,
    weigh: (item: T) => number,
    limits: AheadLimits,
  ) {
    this.#items = items;
    this.#begin = begin;
    this.#weigh = weigh;
    this.#limits = limits;
  }

  /** The result whose turn it is; `undefined` after the last. */
  async next(): Promise<R | undefined> {
    this.#fill();
    const first = this.#begun.shift();
    if (first === undefined) return undefined;
    const result = await first.result;
    this.#weight -= first.weight;
    return result;
  }

  #fill(): void {
    const { count, weight } = this.#limits;
    while (this.#next < this.#items.length && this.#begun.length < count) {
      const item = this.#items[this.#next] as T;
      const own = this.#weigh(item);
      if (this.#begun.length > 0 && this.#weight + own > weight) return;
      this.#next++;
      this.#weight += own;
      const result = this.#begin(item);
      result.catch(() => {}); // whoever takes it hears of it; nobody takes it when an earlier one failed
      this.#begun.push({ result, weight: own });
    }
  }
}
