/**
 * How long to wait after failures: doubling up to a bound, spread so that those who failed together do not come back
 * together.
 */
import type { Chance } from "../../daemon/kit/clock.ts";

export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** After the `failures`th failure in a row (from 1): between half of the step and all of it. */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffLimits, chance: Chance): number {
  const step = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return step * (0.5 + 0.5 * chance());
}
