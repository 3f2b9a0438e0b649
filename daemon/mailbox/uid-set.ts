/**
 * Sets of UIDs as IMAP writes them: `1:3,7`. RFC 9051 §9 (sequence-set, without `*`)
 */
import type { Uid } from "./store.ts";

/** In: rising UIDs. */
export function uidSet(uids: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < uids.length; ) {
    const first = uids[i] as number;
    let last = first;
    while (++i < uids.length && uids[i] === last + 1) last++;
    parts.push(first === last ? `${first}` : `${first}:${last}`);
  }
  return parts.join(",");
}

/** Only what `uidSet` has written. */
export function uidsOf(set: string): Uid[] {
  const uids: Uid[] = [];
  if (set === "") return uids;
  for (const part of set.split(",")) {
    const colon = part.indexOf(":");
    const first = Number(colon < 0 ? part : part.slice(0, colon));
    const last = colon < 0 ? first : Number(part.slice(colon + 1));
    for (let uid = first; uid <= last; uid++) uids.push(uid as Uid);
  }
  return uids;
}
