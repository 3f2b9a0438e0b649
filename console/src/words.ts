/** Numbers and times for people. */
const numbers = new Intl.NumberFormat("en");
const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const count = (n: number): string => numbers.format(n);
export const moment = (ms: number): string => moments.format(new Date(ms));

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** `3 h 20 min`; two units are as exact as anybody wants. */
export function span(ms: number): string {
  let rest = Math.max(0, ms);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const n = Math.floor(rest / size);
    if (n === 0 && parts.length === 0) continue;
    if (n > 0) parts.push(`${n} ${unit}`);
    rest -= n * size;
    if (parts.length === 2 || unit === "s") break;
  }
  return parts.length === 0 ? "0 s" : parts.slice(0, 2).join(" ");
}

export const from = (ms: number, now: number): string =>
  ms >= now ? `in ${span(ms - now)}` : `${span(now - ms)} ago`;

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];

export function octets(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < sizes.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${sizes[unit]}`;
}

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;
