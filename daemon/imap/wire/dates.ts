/**
 * Dates of the protocol.
 *
 * Spec:   RFC 9051 §9 (`date-time`, `date`), §2.3.3 (internal date). A day is counted in UTC throughout.
 */
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const monthIndex = new Map(months.map((name, index) => [name.toLowerCase(), index]));
const two = (n: number) => (n < 10 ? `0${n}` : `${n}`);

/** ` 5-Nov-2026 09:08:07 +0000` */
export function dateTime(ms: number): string {
  const d = new Date(ms);
  const day = d.getUTCDate();
  const year = String(d.getUTCFullYear()).padStart(4, "0");
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  return `${day < 10 ? " " : ""}${day}-${months[d.getUTCMonth()]}-${year} ${time} +0000`;
}

const full =
  /^([ 0-3]?\d)-([A-Za-z]{3})-(\d{4}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60) ([+-])([01]\d|2[0-3])([0-5]\d)$/;

/** ms since the epoch, or `undefined`. */
export function parseDateTime(text: string): number | undefined {
  const match = full.exec(text);
  if (!match) return undefined;
  const [, day = "", month = "", year = "", h = "", m = "", s = "", sign, zh = "", zm = ""] = match;
  const date = dayNumber(Number(day), month, Number(year));
  if (date === undefined) return undefined;
  const zone = (Number(zh) * 60 + Number(zm)) * (sign === "-" ? -1 : 1);
  return date + ((Number(h) * 60 + Number(m) - zone) * 60 + Number(s)) * 1_000;
}

const short = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/;

/** The day's first millisecond, or `undefined`. */
export function parseDate(text: string): number | undefined {
  const match = short.exec(text);
  return match ? dayNumber(Number(match[1]), match[2] ?? "", Number(match[3])) : undefined;
}

function dayNumber(day: number, month: string, year: number): number | undefined {
  const index = monthIndex.get(month.toLowerCase());
  if (index === undefined || day < 1) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, index, day);
  return date.getUTCDate() === day ? date.getTime() : undefined;
}
