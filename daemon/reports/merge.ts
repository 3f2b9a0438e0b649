/**
 * Adds up the pages of a place: in whatever order they come, and however often.
 *
 * In:     pages.
 * Out:    a group for each reporter and domain.
 * Bounds: `rowsMax` rows in a group and `allRowsMax` in all; what lies beyond is counted in the group's `missed`.
 */
import type { Address } from "../mail/address.ts";
import type { Page } from "./fact.ts";

export interface Group {
  readonly from: Address;
  readonly domain: string;
  readonly head: string;
  /** In the order of their texts. */
  readonly rows: readonly (readonly [row: string, count: number])[];
  /** Observations that have no row. */
  readonly missed: number;
}

export const rowsMax = 10_000;
const allRowsMax = 100_000;

interface Sums {
  head: string;
  headAt: number;
  readonly rows: Map<string, number>;
  missed: number;
}

export class Merge {
  readonly #groups = new Map<string, Sums>();
  readonly #seen = new Set<string>();
  #rows = 0;
  #missed = 0;

  /** What pods could not keep, of whichever group. */
  get missed(): number {
    return this.#missed;
  }

  add({ id, at, sums, missed }: Page): void {
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#missed += missed;
    for (const [from, domain, head, row, count] of sums) {
      const key = `${from}\n${domain}`;
      const group = this.#groups.get(key) ?? { head, headAt: at, rows: new Map(), missed: 0 };
      this.#groups.set(key, group);
      if (at > group.headAt || (at === group.headAt && head > group.head)) {
        group.head = head;
        group.headAt = at;
      }
      this.#count(group, row, count);
    }
  }

  #count(group: Sums, row: string, count: number): void {
    const known = group.rows.get(row);
    if (known === undefined && (group.rows.size >= rowsMax || this.#rows >= allRowsMax)) {
      group.missed += count;
      return;
    }
    if (known === undefined) this.#rows++;
    group.rows.set(row, (known ?? 0) + count);
  }

  /** In the order of their reporters and domains. */
  groups(): readonly Group[] {
    return [...this.#groups.entries()].sort(byText).map(([key, { head, rows, missed }]) => {
      const [from = "", domain = ""] = key.split("\n");
      return { from: from as Address, domain, head, rows: [...rows].sort(byText), missed };
    });
  }
}

const byText = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1;
