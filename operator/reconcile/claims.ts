/**
 * Who has a name that several resources claim: the older one, then the first by namespace and name. Whoever waits takes
 * over when the holder goes.
 *
 * In:     resources as they come, change and go, each with the names it claims.
 * Out:    the holder of a name; the keys of those whose standing a change may have altered.
 */
export interface Claimant {
  /** `namespace/name` */
  readonly key: string;
  /** As the API server wrote it: RFC 3339, whole seconds, UTC; so that text order is time order. */
  readonly created: string;
}

export class Claims {
  readonly #byName = new Map<string, Claimant[]>();
  readonly #byKey = new Map<string, readonly string[]>();

  /** Others whose standing may be different now. */
  set(claimant: Claimant, names: readonly string[]): ReadonlySet<string> {
    const before = this.#byKey.get(claimant.key) ?? [];
    if (before.length === names.length && before.every((name, i) => name === names[i])) return new Set();
    const touched = this.remove(claimant.key);
    if (names.length === 0) return touched;
    this.#byKey.set(claimant.key, names);
    const others = new Set(touched);
    for (const name of names) {
      const claimants = this.#byName.get(name) ?? [];
      for (const { key } of claimants) others.add(key);
      claimants.push(claimant);
      claimants.sort(byAge);
      this.#byName.set(name, claimants);
    }
    return others;
  }

  remove(key: string): ReadonlySet<string> {
    const others = new Set<string>();
    for (const name of this.#byKey.get(key) ?? []) {
      const rest = (this.#byName.get(name) ?? []).filter((claimant) => claimant.key !== key);
      if (rest.length === 0) this.#byName.delete(name);
      else this.#byName.set(name, rest);
      for (const claimant of rest) others.add(claimant.key);
    }
    this.#byKey.delete(key);
    return others;
  }

  /** `namespace/name` of the one who has it. */
  holder(name: string): string | undefined {
    return this.#byName.get(name)?.[0]?.key;
  }
}

const byAge = (a: Claimant, b: Claimant): number =>
  a.created === b.created ? (a.key < b.key ? -1 : 1) : a.created < b.created ? -1 : 1;
