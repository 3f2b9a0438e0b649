/**
 * When an event is tried again, and how long a failing receiver is left alone. Pure.
 *
 * In:     attempts so far, the time, chance in [0, 1).
 * Out:    for an event: 5 s, 30 s, 2 min, 5 min, 15 min, 30 min, 1 h, 2 h, 4 h and 4 h again, each spread by a fifth either way.
 *         For a receiver that failed several times in a row: a pause of 1 s that doubles up to 5 min, in which nothing is tried.
 */
const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;
const steps = [
  5 * second,
  30 * second,
  2 * minute,
  5 * minute,
  15 * minute,
  30 * minute,
  hour,
  2 * hour,
  4 * hour,
];
const spread = 0.2;
const longestPauseMs = 5 * minute;
/** So many failures in a row are the receiver's, not the event's. */
export const patience = 3;

const spreadBy = (ms: number, chance: number): number => Math.round(ms * (1 - spread + 2 * spread * chance));

/** ms from now. `attempts`: those that failed, 1 or more. */
export function waitAfter(attempts: number, chance: number, atLeastMs = 0): number {
  const step = steps[Math.min(Math.max(attempts, 1), steps.length) - 1] ?? 4 * hour;
  return Math.max(spreadBy(step, chance), atLeastMs);
}

/** ms in which the receiver is left alone. `failures`: in a row. */
export function pauseAfter(failures: number, chance: number, atLeastMs = 0): number {
  if (failures < patience) return atLeastMs;
  const pause = Math.min(second * 2 ** Math.min(failures - patience, 20), longestPauseMs);
  return Math.max(spreadBy(pause, chance), atLeastMs);
}

/** Attempts of one receiver at once: one while it fails. */
export const atOnce = (failures: number): number => (failures > 0 ? 1 : 8);
