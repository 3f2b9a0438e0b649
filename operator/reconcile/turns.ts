/**
 * Notices of which resources daemons come to know something, and of which they know nothing any more.
 *
 * In:     `expect` before something is published, with what is about to be written; `leaves` and `stays` as it is decided.
 * Out:    `take`, when it was published: those for which that began or ended. What was before is remembered until then: a
 *         publication whose answer got lost has been carried out all the same.
 */
import { type Declared, type DeclaredKey, declaredKey } from "../../daemon/directory/declared.ts";

type Named = Pick<Declared, "kind" | "namespace" | "name">;

export class Turns {
  readonly #isKnown: (named: Named) => boolean;
  /** Removed, and daemons know it still. */
  readonly #leaving = new Map<DeclaredKey, Named>();
  readonly #before = new Map<DeclaredKey, { readonly named: Named; readonly wasKnown: boolean }>();

  constructor(isKnown: (named: Named) => boolean) {
    this.#isKnown = isKnown;
  }

  leaves(named: Named): void {
    this.#leaving.set(declaredKey(named), named);
  }

  stays(named: Named): void {
    this.#leaving.delete(declaredKey(named));
  }

  expect(written: readonly Named[]): void {
    for (const named of [...written, ...this.#leaving.values()]) {
      const key = declaredKey(named);
      if (!this.#before.has(key)) this.#before.set(key, { named, wasKnown: this.#isKnown(named) });
    }
  }

  take(): readonly Named[] {
    const turned: Named[] = [];
    for (const [key, { named, wasKnown }] of this.#before) {
      const isKnown = this.#isKnown(named);
      if (isKnown !== wasKnown) turned.push(named);
      if (!isKnown) this.#leaving.delete(key);
    }
    this.#before.clear();
    return turned;
  }
}
