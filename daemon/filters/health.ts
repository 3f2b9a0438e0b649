/**
 * Which content filters do not answer now, as this process found when it asked them.
 *
 * In:     how each look at a message ended.
 * Out:    `failing`: those that failed three times in a row, with the last reason, until one look succeeds; a filter that nobody
 *         has asked for half an hour is not spoken of. `onChange` tells when that list is another.
 */
import type { Clock } from "../kit/clock.ts";

/** `filter`: the server, as `FilterEntry.id` names it. */
export interface FailingFilter {
  readonly filter: string;
  readonly why: string;
}

/** A restart of the filter is no news. */
const inARow = 3;
const silentMs = 30 * 60_000;
/** What is told travels in one small record. */
const mostTold = 20;
const longestWhy = 200;

interface Failures {
  readonly count: number;
  readonly why: string;
  readonly at: number;
}

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

  failed(filter: string, error: unknown): void {
    const why = (error instanceof Error ? error.message : String(error)).slice(0, longestWhy);
    const before = this.#failures.get(filter);
    const count = (before?.count ?? 0) + 1;
    // The reason of the beginning stays while it lasts: reasons that alternate are no news each.
    const said = before && before.count >= inARow ? before.why : why;
    this.#failures.set(filter, { count, why: said, at: this.#clock.monotonic() });
    if (count === inARow) this.#tell();
  }

  get failing(): readonly FailingFilter[] {
    const since = this.#clock.monotonic() - silentMs;
    for (const [filter, { at }] of this.#failures) if (at < since) this.#failures.delete(filter);
    return [...this.#failures]
      .filter(([, { count }]) => count >= inARow)
      .map(([filter, { why }]) => ({ filter, why }))
      .sort((a, b) => (a.filter < b.filter ? -1 : 1))
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
