/**
 * The store port of reports: pages, who makes a place's reports, and what was sent. `daemon/nats/reports` implements it.
 *
 * Fails: rejects while the store is away.
 */
import type { Page, Place } from "./fact.ts";

/** Where a place's reports stand. */
export type Round =
  /** Somebody makes them; the store forgets it unless it is said again within `heldMs`. */
  | { readonly state: "held"; readonly by: string }
  /** Not all could be sent. */
  | {
      readonly state: "waiting";
      readonly notBefore: number;
      readonly why: string;
      /** How often it was tried. */
      readonly tries: number;
    }
  /** Somebody wants them now. */
  | { readonly state: "ordered"; readonly at: number }
  | ({ readonly state: "done"; readonly at: number } & RoundSums);

export interface RoundSums {
  readonly sent: number;
  /** Domains that ask for no report. */
  readonly unwanted: number;
  readonly failed: number;
  readonly missed: number;
}

export const heldMs = 180_000;

/** One report. */
export interface SentReport {
  /** `claimed`: it is being sent. `doubtful`: whoever claimed it is gone, and may have sent it. */
  readonly state: "claimed" | "waiting" | "sent" | "failed" | "doubtful";
  readonly at: number;
  readonly from: string;
  readonly domain: string;
  readonly reportId: string;
  /** Messages, or sessions. */
  readonly count: number;
  readonly rows: number;
  readonly to: readonly Sending[];
  readonly why?: string;
}

/** How it went to one place: the id of the message, or what the server answered. */
export interface Sending {
  readonly uri: string;
  readonly ok: boolean;
  readonly said: string;
}

export interface Versioned<T> {
  readonly value: T;
  readonly revision: number;
}

/** What was last heard of a place, which may be old. */
export interface Heard {
  readonly round: Round;
  /** By the monotonic clock. */
  readonly at: number;
}

export interface ReportStore {
  /** Durable when it resolves. */
  put(place: Place, page: Page): Promise<void>;
  /** Every page of the place, each at least once. */
  read(place: Place, onPage: (page: Page) => void): Promise<void>;
  heard(place: Place): Heard | undefined;
  round(place: Place): Promise<Versioned<Round> | undefined>;
  /** The new revision; `undefined`: somebody else was faster. `expect` 0: there is none. */
  setRound(place: Place, round: Round, expect: number): Promise<number | undefined>;
  report(place: Place, id: string): Promise<Versioned<SentReport> | undefined>;
  setReport(place: Place, id: string, report: SentReport, expect: number): Promise<number | undefined>;
}
