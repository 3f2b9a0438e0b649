/**
 * Says whether a figure that was sampled over time stays where it is. Pure.
 *
 * In:     samples, in order; how much the figure may rise over what is looked at.
 * Out:    the rise that the slope of the last two thirds amounts to. The first third is left out: caches fill, code is
 *         compiled, connections are made.
 * How:    the slope is the median of the slopes between all pairs of samples (Theil–Sen), so that single peaks, also a fifth
 *         of all samples, count for nothing. A figure that falls is as good as one that stays.
 */
export interface Sample {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  /** Of the last two thirds. */
  readonly median: number;
  /** Over the last two thirds; negative when it falls. */
  readonly rise: number;
  readonly seconds: number;
}

export function trendOf(samples: readonly Sample[]): Trend {
  const settled = samples.slice(Math.floor(samples.length / 3));
  const [first, last] = [settled[0], settled.at(-1)];
  if (first === undefined || last === undefined || first === last)
    throw new RangeError(`${samples.length} samples are too few for a trend`);
  const seconds = last.at - first.at;
  return {
    median: median(settled.map(({ value }) => value)),
    rise: slopeOf(settled) * seconds,
    seconds,
  };
}

/** By Theil and Sen, a second. */
export function slopeOf(samples: readonly Sample[]): number {
  const slopes: number[] = [];
  for (const [i, one] of samples.entries())
    for (const other of samples.slice(i + 1))
      if (other.at > one.at) slopes.push((other.value - one.value) / (other.at - one.at));
  return median(slopes);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError("there is no median of nothing");
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
