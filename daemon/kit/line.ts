/**
 * A set in order of arrival whose front is cheap: `shift` takes the one that has stood longest, anybody may leave from anywhere.
 *
 * A plain Set is no line: a fresh iterator walks over all that was removed before the first that is left, until the table
 * shrinks, and one that is kept holds every table that there was. Whoever takes many from the front of a Set, one by
 * one, waits for seconds (0.2 s here, 15 s there, of 300,000).
 */
interface Place<T> {
  readonly item: T;
  before: Place<T> | undefined;
  behind: Place<T> | undefined;
}

export class Line<T> {
  readonly #places = new Map<T, Place<T>>();
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  get size(): number {
    return this.#places.size;
  }

  /** Behind the others, unless it stands there already. */
  push(item: T): void {
    if (this.#places.has(item)) return;
    const place: Place<T> = { item, before: this.#last, behind: undefined };
    if (this.#last) this.#last.behind = place;
    else this.#first = place;
    this.#last = place;
    this.#places.set(item, place);
  }

  /** False: it did not stand there. */
  remove(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const { before, behind } = place;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    return true;
  }

  shift(): T | undefined {
    const first = this.#first;
    if (first) this.remove(first.item);
    return first?.item;
  }
}
