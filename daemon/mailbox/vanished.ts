/**
 * What was removed from a folder lately, for clients that come back: a list of bounded length.
 *
 * Before `floor` nothing is known any more; whoever asks for earlier removals hears that the list is incomplete and
 * takes every absent UID for removed, which is always right. RFC 7162 §3.2.10.2
 */
import type { Uid } from "./store.ts";
import { uidSet, uidsOf } from "./uid-set.ts";
import type { Vanished } from "./view.ts";

export interface VanishedLog {
  /** Removals with a mod-sequence up to this one may be missing. */
  readonly floor: number;
  /** Rising mod-sequences, each with the set of UIDs. */
  readonly removals: readonly (readonly [modseq: number, uids: string])[];
}

export const emptyLog: VanishedLog = { floor: 0, removals: [] };

const REMOVALS_MAX = 200;
const TEXT_MAX = 16 << 10;

/** In: rising UIDs. */
export function withRemoval(log: VanishedLog, modseq: number, uids: readonly Uid[]): VanishedLog {
  const removals = [...log.removals, [modseq, uidSet(uids)] as const];
  let text = 0;
  for (const [, set] of removals) text += set.length + 16;
  let { floor } = log;
  let first = 0;
  while (first < removals.length && (removals.length - first > REMOVALS_MAX || text > TEXT_MAX)) {
    const [dropped, set] = removals[first++] as readonly [number, string];
    floor = dropped;
    text -= set.length + 16;
  }
  return { floor, removals: removals.slice(first) };
}

export function vanishedAfter(log: VanishedLog, modseq: number): Vanished {
  const uids = log.removals.flatMap(([at, set]) => (at > modseq ? uidsOf(set) : []));
  return { uids: uids.sort((a, b) => a - b), complete: modseq >= log.floor };
}
