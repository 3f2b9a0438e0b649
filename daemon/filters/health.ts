/**
 * Which content filters do not answer now, as this process found when it asked them.
 *
 * In:     how each look at a message ended.
 * Out:    `failing`: those that failed three times in a row, until one look succeeds; a filter that nobody has asked for half an
 *         hour is not spoken of. `onChange` tells when that list is another.
 * Why is not told: who may name filters could ask us so what listens where in our network. The log has it.
 */
import type { Clock } from "../kit/clock.ts";

/** A restart of the filter is no news. */
const inARow = 3;
const silentMs = 30 * 60_000;
/** What is told travels in one small record. */
const mostTold = 20;

interface Failures {
  readonly count: number;
  readonly at: number;
}

/** Filters are servers here, as `FilterEntry.id` names them. */
export class FilterHealth {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #failures = new Map<string, Failures>();
  readonly #listeners = new Set<() => void>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  answered(filter: string): void {
    const before = this.#failures.get(filter);
    this.#failures.delete(filter);
    if (before && before.count >= inARow) this.#tell();
  }

  failed(filter: string): void {
    const count = (this.#failures.get(filter)?.count ?? 0) + 1;
    this.#failures.set(filter, { count, at: this.#clock.monotonic() });
    if (count === inARow) this.#tell();
  }

  get failing(): readonly string[] {
    const since = this.#clock.monotonic() - silentMs;
    for (const [filter, { at }] of this.#failures) if (at < since) this.#failures.delete(filter);
    const lasting = [...this.#failures].filter(([, { count }]) => count >= inARow);
    return lasting
      .map(([filter]) => filter)
      .sort()
      .slice(0, mostTold);
  }

  /** Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
