/**
 * UIDs that a folder does not have, and membership in a client's set of UIDs.
 */
import type { Message } from "../../mailbox/view.ts";
import { largest, type SequenceSet } from "../command/sequence-set.ts";

/** `messages` in UID order give `*` its meaning. */
export function isIn(set: SequenceSet, uid: number, messages: readonly Message[]): boolean {
  if (set.kind === "saved") return false;
  return set.ranges.some((range) => {
    const [from, to] = bounds(range, messages.at(-1)?.uid ?? 0);
    return uid >= from && uid <= to;
  });
}

function bounds([from, to]: readonly [number, number], last: number): [number, number] {
  const start = from === largest ? last : from;
  const end = to === largest ? last : to;
  return start <= end ? [start, end] : [end, start];
}

/** The UIDs from 1 to `uidNext` - 1 that no message has, within `known`, as a set; "" when there are none. */
export function gaps(messages: readonly Message[], uidNext: number, known: SequenceSet | undefined): string {
  const wanted: readonly (readonly [number, number])[] =
    known?.kind === "ranges" ? known.ranges.map((range) => bounds(range, uidNext - 1)) : [[1, uidNext - 1]];
  const parts: string[] = [];
  let next = 1;
  for (const uid of [...messages.map((message) => message.uid), uidNext]) {
    if (uid > next) for (const [from, to] of wanted) clip(parts, Math.max(from, next), Math.min(to, uid - 1));
    next = uid + 1;
  }
  return parts.join(",");
}

function clip(parts: string[], from: number, to: number): void {
  if (from < to) parts.push(`${from}:${to}`);
  else if (from === to) parts.push(`${from}`);
}
