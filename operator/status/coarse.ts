/**
 * Figures as a status tells them: near enough for people, and seldom different from the last ones. Exact ones are in the
 * metrics.
 */

/** Two digits: 1234 is 1200, 87 is 87. Nothing becomes zero that was not, and zero stays zero. */
export function coarse(count: number): number {
  if (count < 100) return Math.max(0, Math.round(count));
  const unit = 10 ** (Math.floor(Math.log10(count)) - 1);
  return Math.round(count / unit) * unit;
}

const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"] as const;

/** `41Mi`, `1.4Gi`, `512`. */
export function octets(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  const text = value < 10 && unit > 0 ? value.toFixed(1).replace(/\.0$/, "") : String(Math.round(value));
  return text + (units[unit] ?? "");
}

const minuteMs = 60_000;

/** Whole minutes, RFC 3339. */
export const coarseTime = (ms: number): string =>
  new Date(Math.floor(ms / minuteMs) * minuteMs).toISOString().replace(/\.\d+Z$/, "Z");
