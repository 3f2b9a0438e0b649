/**
 * The order in which one connection tries the addresses of its next hops.
 *
 * In:     candidates; chance. Pure.
 * Out:    by preference; among equals hosts in random order, and both address families in turn, IPv6 first.
 * Spec:   RFC 5321 §5.1 (preference, randomness), RFC 8305 §4 (interleaving of families).
 */
import type { Chance } from "../../kit/clock.ts";
import type { Candidate } from "./types.ts";

/** More attempts than this for one connection would only delay the retry. */
export const maxAttempts = 20;

export function connectOrder(candidates: readonly Candidate[], chance: Chance): readonly Candidate[] {
  if (candidates.length === 1) return candidates;
  const order: Candidate[] = [];
  const byPreference = Map.groupBy(candidates, (candidate) => candidate.preference);
  for (const preference of [...byPreference.keys()].sort((a, b) => a - b)) {
    order.push(...interleave(shuffle(byPreference.get(preference) ?? [], chance)));
    if (order.length >= maxAttempts) break;
  }
  return order.slice(0, maxAttempts);
}

export function shuffle<T>(items: readonly T[], chance: Chance): T[] {
  const shuffled: T[] = [];
  for (const item of items) {
    const place = Math.floor(chance() * (shuffled.length + 1));
    shuffled.splice(place, 0, item);
  }
  return shuffled;
}

function interleave(candidates: readonly Candidate[]): Candidate[] {
  const six = candidates.filter((candidate) => candidate.family === 6);
  const four = candidates.filter((candidate) => candidate.family === 4);
  return Array.from({ length: Math.max(six.length, four.length) }, (_, n) => [six[n], four[n]])
    .flat()
    .filter((candidate) => candidate !== undefined);
}
