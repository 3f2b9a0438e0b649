/**
 * The directory's bucket in memory, as the operator's publication uses it. Tells of each publish; fails when it is told to.
 */
import { type Declared, type DeclaredKey, declaredKey } from "../../daemon/directory/declared.ts";
import type { Bucket, Named } from "../../operator/reconcile/publication.ts";

export class MemoryBucket implements Bucket {
  readonly records = new Map<DeclaredKey, Declared>();
  revision = 0;
  publishes = 0;
  away = false;
  /** What it is asked for is done, and the answer gets lost. */
  isMute = false;
  readonly #since = new Map<DeclaredKey, number>();
  #waiting: (() => void)[] = [];

  /** As if a predecessor had published it. */
  hold(...all: readonly Declared[]): void {
    this.revision++;
    for (const one of all) this.#put(one);
  }

  sourceOf(resource: Named): string | undefined {
    return this.records.get(declaredKey(resource))?.source;
  }

  knownSince(resource: Named): number | undefined {
    return this.#since.get(declaredKey(resource));
  }

  async publish(declared: readonly Declared[], _: AbortSignal, undecided: readonly Named[]) {
    this.publishes++;
    for (const wake of this.#waiting.splice(0)) wake();
    if (this.away) throw new Error("away");
    const kept = new Set([...declared, ...undecided].map(declaredKey));
    const gone = [...this.records.keys()].filter((key) => !kept.has(key));
    if (declared.length + gone.length > 0) this.revision++;
    for (const key of gone) this.#drop(key);
    for (const one of declared) this.#put(one);
    if (this.isMute) throw new Error("no answer");
    return { revision: this.revision, put: declared.length, removed: gone.length };
  }

  /** Resolves at the next publish. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** As if somebody had emptied it. */
  clear(): void {
    for (const key of [...this.records.keys()]) this.#drop(key);
  }

  #put(one: Declared): void {
    const key = declaredKey(one);
    this.records.set(key, one);
    if (!this.#since.has(key)) this.#since.set(key, this.revision);
  }

  #drop(key: DeclaredKey): void {
    this.records.delete(key);
    this.#since.delete(key);
  }
}
