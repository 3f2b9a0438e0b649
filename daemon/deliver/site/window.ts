/**
 * How many connections a site bears: grows while it answers well, shrinks when it refuses one beside others that work.
 *
 * Pure. As TCP finds its share of a line: quick growth up to the threshold that was last known to be good, one more per
 * round of successes beyond it, and on a refusal back to what works.
 */
export interface Window {
  /** Whole connections count; the fraction is progress towards the next. */
  readonly size: number;
  /** Below it, each success adds a connection. */
  readonly threshold: number;
}

/** What a site that we know nothing of is trusted with. */
export const initialSize = 5;
export const initialWindow: Window = { size: initialSize, threshold: initialSize };

export function grow({ size, threshold }: Window, max: number): Window {
  const grown = size < threshold ? size + 1 : size + 1 / size;
  return { size: Math.min(grown, Math.max(max, 1)), threshold };
}

/** One connection was refused while `others` were open: that many are known to be good. */
export function shrink({ size }: Window, others: number): Window {
  const good = Math.max(1, Math.min(Math.floor(size) - 1, others));
  return { size: good, threshold: good };
}

/** After a pause: only as many as are open, then quick growth to what strangers are trusted with. */
export const resume = ({ size }: Window, open: number): Window => ({
  size: Math.max(1, Math.min(size, open)),
  threshold: initialSize,
});

export const allowed = ({ size }: Window, max: number): number => Math.min(Math.floor(size), max);
