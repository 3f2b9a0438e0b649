/**
 * What is counted, whatever the report: sums of equal facts, by reporter and by the domain that they are told to.
 *
 * A *place* is a heap of pages: one namespace, one kind of report, one day. Daemons put pages on it as they see things; one
 * of them makes the reports when the day is over.
 */
import type { Address } from "../mail/address.ts";
import type { Day } from "../mail/report/day.ts";

export const kinds = ["dmarc", "tls"] as const;
export type Kind = (typeof kinds)[number];

export interface Place {
  readonly namespace: string;
  readonly kind: Kind;
  readonly day: Day;
}

export interface Fact {
  /** Who reports. */
  readonly from: Address;
  /** Whom it is told to. */
  readonly domain: string;
  /** What holds for the report as a whole: of several, the one that was seen last. */
  readonly head: string;
  /** What is counted. */
  readonly row: string;
}

/** Sums of one daemon over a short time. Putting it twice counts once. */
export interface Page {
  readonly id: string;
  /** When it was closed, ms since the epoch. */
  readonly at: number;
  readonly sums: readonly (readonly [
    from: Address,
    domain: string,
    head: string,
    row: string,
    count: number,
  ])[];
  /** What was seen and could not be kept. */
  readonly missed: number;
}

export const placeText = ({ namespace, kind, day }: Place): string => `${namespace} ${kind} ${day}`;
