/**
 * When the next hop was asked to take something for an address, and whether any attempt came before its time. Pure.
 *
 * In:     the times of attempts by address, ms; the shortest wait between two that the policy allows.
 * Out:    attempts that came too early, and the longest wait between two.
 */
export interface Waits {
  readonly early: readonly string[];
  readonly longest: number;
  /** Of second and later attempts. */
  readonly count: number;
}

export function waitsBetween(tried: ReadonlyMap<string, readonly number[]>, shortest: number): Waits {
  const early: string[] = [];
  let longest = 0;
  let count = 0;
  for (const [address, times] of tried)
    for (let n = 1; n < times.length; n++) {
      const wait = (times[n] as number) - (times[n - 1] as number);
      count++;
      longest = Math.max(longest, wait);
      if (wait < shortest) early.push(`${address} after ${Math.round(wait)} ms`);
    }
  return { early, longest, count };
}
