/**
 * The store of reports in memory. Pages come twice, as they may.
 *
 * Tests:  `away` makes every call fail; `written` counts what was stored.
 */
import { type Page, type Place, placeText } from "../../daemon/reports/fact.ts";
import type { Heard, ReportStore, Round, SentReport, Versioned } from "../../daemon/reports/store.ts";

export class MemoryReportStore implements ReportStore {
  away = false;
  written = 0;
  readonly #pages = new Map<string, Page[]>();
  readonly #rounds = new Map<string, Versioned<Round>>();
  readonly #reports = new Map<string, Versioned<SentReport>>();

  /** What was sent or tried, in the order of the first word on it. */
  get sent(): readonly SentReport[] {
    return [...this.#reports.values()].map(({ value }) => value);
  }

  async put(place: Place, page: Page): Promise<void> {
    this.#reach();
    const pages = this.#pages.get(placeText(place)) ?? [];
    this.#pages.set(placeText(place), [...pages, page]);
    this.written++;
  }

  async read(place: Place, onPage: (page: Page) => void): Promise<void> {
    this.#reach();
    for (const _ of [1, 2]) for (const page of this.#pages.get(placeText(place)) ?? []) onPage(page);
  }

  heard(place: Place): Heard | undefined {
    const known = this.#rounds.get(placeText(place));
    return known && { round: known.value, at: 0 };
  }

  async round(place: Place): Promise<Versioned<Round> | undefined> {
    this.#reach();
    return this.#rounds.get(placeText(place));
  }

  async setRound(place: Place, round: Round, expect: number): Promise<number | undefined> {
    return this.#set(this.#rounds, placeText(place), round, expect);
  }

  async report(place: Place, id: string): Promise<Versioned<SentReport> | undefined> {
    this.#reach();
    return this.#reports.get(`${placeText(place)} ${id}`);
  }

  async setReport(place: Place, id: string, report: SentReport, expect: number): Promise<number | undefined> {
    return this.#set(this.#reports, `${placeText(place)} ${id}`, report, expect);
  }

  /** As the store does when a holder is silent for too long. */
  forget(place: Place): void {
    this.#rounds.delete(placeText(place));
  }

  #set<T>(map: Map<string, Versioned<T>>, key: string, value: T, expect: number): number | undefined {
    this.#reach();
    if ((map.get(key)?.revision ?? 0) !== expect) return undefined;
    this.written++;
    map.set(key, { value, revision: this.written });
    return this.written;
  }

  #reach(): void {
    if (this.away) throw new Error("away");
  }
}
