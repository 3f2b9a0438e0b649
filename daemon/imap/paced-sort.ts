/**
 * Sorts in short turns: pieces at once, and then merges them.
 *
 * In:     items, the order, the pace.
 * Out:    a sorted copy; what is equal keeps its order.
 */
import type { Pace } from "./pace.ts";

type Compare<T> = (a: T, b: T) => number;

/** Sorted at once: far below a millisecond. */
const piece = 256;

export async function pacedSort<T>(items: readonly T[], compare: Compare<T>, pace: Pace): Promise<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += piece) {
    runs.push(items.slice(at, at + piece).sort(compare));
    if (pace.due) await pace.rest();
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      longer.push(await merged(runs[i] as T[], runs[i + 1] ?? [], compare, pace));
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merged<T>(a: T[], b: T[], compare: Compare<T>, pace: Pace): Promise<T[]> {
  if (b.length === 0) return a;
  const all: T[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const fromB = i === a.length || (j < b.length && compare(b[j] as T, a[i] as T) < 0);
    all.push((fromB ? b[j++] : a[i++]) as T);
    if ((all.length & 127) === 0 && pace.due) await pace.rest();
  }
  return all;
}
