/**
 * Who refers to what, both ways in constant time: so that a change of a Secret, a domain or a policy wakes only those
 * that depend on it.
 */
export class References {
  readonly #owners = new Map<string, Set<string>>();
  readonly #targets = new Map<string, readonly string[]>();

  /** Replaces all that `owner` referred to. */
  set(owner: string, targets: readonly string[]): void {
    this.delete(owner);
    if (targets.length === 0) return;
    this.#targets.set(owner, targets);
    for (const target of targets) {
      const owners = this.#owners.get(target) ?? new Set();
      owners.add(owner);
      this.#owners.set(target, owners);
    }
  }

  delete(owner: string): void {
    for (const target of this.#targets.get(owner) ?? []) {
      const owners = this.#owners.get(target);
      owners?.delete(owner);
      if (owners?.size === 0) this.#owners.delete(target);
    }
    this.#targets.delete(owner);
  }

  ownersOf(target: string): Iterable<string> {
    return [...(this.#owners.get(target) ?? [])];
  }

  isReferred(target: string): boolean {
    return this.#owners.has(target);
  }
}
