/**
 * Which jobs are being attempted, and how many per partition, so that no job is attempted twice at once, and a
 * hand-over can wait until nothing is under way.
 */
import type { JobKey } from "../queue/job.ts";

export class InFlight {
  readonly #keys = new Set<JobKey>();
  readonly #counts = new Map<number, number>();
  #waiting: { readonly partitions: readonly number[]; readonly done: () => void }[] = [];

  /** An attempt begins; call the result when it ends. `undefined`: one is under way already. */
  begin(key: JobKey, partition: number): (() => void) | undefined {
    if (this.#keys.has(key)) return undefined;
    this.#keys.add(key);
    this.#counts.set(partition, (this.#counts.get(partition) ?? 0) + 1);
    return () => {
      this.#keys.delete(key);
      const left = (this.#counts.get(partition) ?? 1) - 1;
      if (left > 0) this.#counts.set(partition, left);
      else this.#counts.delete(partition);
      if (left === 0 && this.#waiting.length > 0) this.#wake();
    };
  }

  /** Resolves when none of them has an attempt in flight, or after `graceMs`. */
  idle(partitions: readonly number[], graceMs: number): Promise<void> {
    if (this.#isIdle(partitions)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push({ partitions, done });
    });
  }

  #isIdle(partitions: readonly number[]): boolean {
    return partitions.every((p) => !this.#counts.has(p));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const w of waiting) {
      if (this.#isIdle(w.partitions)) w.done();
      else this.#waiting.push(w);
    }
  }
}
