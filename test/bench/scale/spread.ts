/** How values spread: the middle, what 99 of 100 stay below, the most. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    count: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    most: sorted.at(-1) ?? Number.NaN,
  };
}

export const spreadText = ({ p50, p99, most }: Spread): readonly string[] => [p50, p99, most].map(msText);

export const msText = (ms: number): string => {
  if (Number.isNaN(ms)) return "–";
  return ms < 1_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
};
