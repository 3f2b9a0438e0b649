/**
 * Bounds a Map whose order is that of last use: when it holds too many, a sixteenth of them goes at once, the oldest first.
 *
 * One at a time would cost more than all the rest: whoever asks a Map for its first entry walks over all that were removed
 * before it, until the table is made anew (tens of thousands of places, see `line.ts`).
 */
export function forgetOldest(kept: Map<unknown, unknown>, most: number): void {
  if (kept.size <= most) return;
  let surplus = kept.size - (most - (most >> 4));
  for (const key of kept.keys()) {
    if (surplus-- <= 0) return;
    kept.delete(key);
  }
}
