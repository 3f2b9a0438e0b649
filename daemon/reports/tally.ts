/**
 * Counts facts in memory until they are put on a page.
 *
 * Bounds: at most `max` different facts; of further ones only the number is kept.
 */
import type { Address } from "../mail/address.ts";
import type { Fact, Page } from "./fact.ts";

interface Sum {
  readonly fact: Fact;
  count: number;
}

export class Tally {
  readonly #sums = new Map<string, Sum>();
  #missed = 0;

  get size(): number {
    return this.#sums.size;
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0 && this.#missed === 0;
  }

  /** `isFull`: facts that are not known yet are no longer taken. */
  add(fact: Fact, isFull: boolean): void {
    const key = `${fact.from}\n${fact.domain}\n${fact.head}\n${fact.row}`;
    const sum = this.#sums.get(key);
    if (sum) sum.count++;
    else if (isFull) this.#missed++;
    else this.#sums.set(key, { fact, count: 1 });
  }

  page(id: string, at: number): Page {
    const sums = [...this.#sums.values()].map(
      ({ fact: { from, domain, head, row }, count }): Page["sums"][number] => [
        from as Address,
        domain,
        head,
        row,
        count,
      ],
    );
    return { id, at, sums, missed: this.#missed };
  }
}
