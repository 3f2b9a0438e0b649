/**
 * Which messages of a maildrop are marked as deleted, and what remains.
 *
 * Spec: RFC 1939 §5 (DELE marks, RSET unmarks, numbers never change), §8 (message sizes).
 */
export interface Sized {
  readonly size: number;
}

export class Marks<M extends Sized> {
  readonly #messages: readonly M[];
  readonly #deleted = new Set<number>();
  #octets: number;
  readonly #all: number;

  constructor(messages: readonly M[]) {
    this.#messages = messages;
    this.#all = messages.reduce((sum, { size }) => sum + size, 0);
    this.#octets = this.#all;
  }

  /** Messages that are not marked. */
  get count(): number {
    return this.#messages.length - this.#deleted.size;
  }

  /** Their octets. */
  get octets(): number {
    return this.#octets;
  }

  /** Numbers count from 1. `undefined`: there is none, or it is marked. */
  find(number: number): M | undefined {
    return this.#deleted.has(number) ? undefined : this.#messages[number - 1];
  }

  isDeleted(number: number): boolean {
    return this.#deleted.has(number);
  }

  *rest(): Iterable<readonly [number: number, message: M]> {
    for (const [i, message] of this.#messages.entries())
      if (!this.#deleted.has(i + 1)) yield [i + 1, message];
  }

  delete(number: number): void {
    const message = this.find(number);
    if (message === undefined) return;
    this.#deleted.add(number);
    this.#octets -= message.size;
  }

  reset(): void {
    this.#deleted.clear();
    this.#octets = this.#all;
  }

  deleted(): M[] {
    return this.#messages.filter((_, i) => this.#deleted.has(i + 1));
  }
}
