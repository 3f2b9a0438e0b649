/**
 * Greylisting: what is noted of a correspondent, and what becomes of its mail. Pure.
 *
 * A correspondent is a network, a sender and a recipient. New: put off. Back after the delay: known from then on. A network
 * with enough known correspondents is put off no more.
 *
 * Spec:   RFC 6647 §2.2 (the triplet), §5 (delays and times).
 */
import type { GreylistEntry } from "../../directory/protection.ts";
import { type Address, domainOf, localPartOf } from "../../mail/address.ts";

export type GreyNote =
  /** The first try, ms since the epoch. */
  | { readonly kind: "tried"; readonly at: number }
  | { readonly kind: "known"; readonly at: number }
  /** Of a network: correspondents that came back. */
  | { readonly kind: "network"; readonly known: number; readonly at: number };

export type GreyStep =
  | { readonly kind: "pass" }
  /** Passes, and is remembered from now on (anew). */
  | { readonly kind: "remember"; readonly first: boolean }
  | { readonly kind: "wait"; readonly ms: number; readonly first: boolean };

/** `now`: ms since the epoch; a clock that was set back makes nobody wait longer than the delay. */
export function greyStep(note: GreyNote | undefined, terms: GreylistEntry, now: number): GreyStep {
  if (note?.kind === "known")
    return now - note.at > terms.keepMs / 4 ? { kind: "remember", first: false } : { kind: "pass" };
  const age = note?.kind === "tried" ? now - note.at : Number.POSITIVE_INFINITY;
  if (age > terms.withinMs || age < 0) return { kind: "wait", ms: terms.delayMs, first: true };
  const left = terms.delayMs - age;
  return left > 0 ? { kind: "wait", ms: left, first: false } : { kind: "remember", first: true };
}

export const isAllowed = (note: GreyNote | undefined, { allowAfter }: GreylistEntry): boolean =>
  note?.kind === "network" && allowAfter > 0 && note.known >= allowAfter;

/** What stands for a correspondent: senders that number their messages are one all the same. */
export function correspondent(network: string, sender: Address | "", recipient: Address): string {
  return `${network} ${sender === "" ? "<>" : unnumbered(sender)} ${recipient.toLowerCase()}`;
}

const unnumbered = (sender: Address): string =>
  `${localPartOf(sender)
    .toLowerCase()
    .replace(/[0-9]+/g, "#")}@${domainOf(sender)}`;
