/**
 * The Sender Rewriting Scheme: a forward leaves with a reverse-path of ours, so that SPF at its destination asks our record;
 * what bounces comes back to us, and goes on to whom the message came from.
 *
 * In:     a reverse-path and the domain of ours that forwards; keys, the newest first; the time.
 * Out:    `SRS0=hash=day=domain=local@ours`, or `SRS1=…` for a path that another forwarder has rewritten already; back
 *         from it, the path that a bounce is for.
 * Fails:  `undefined`: no rewriting (nothing to rewrite, or the local part would exceed 64 octets), or no path of ours: a
 *         wrong hash, or older than `validDays`.
 * Keys:   each month's is made from the given one: what leaks of one month is of no use for another.
 * Spec:   SRS (Shevek, 2004: libsrs2.net/srs/srs.pdf); RFC 5321 §4.5.3.1.1. Letters count in either case, since some hosts
 *         change them on the way.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type Address, type Domain, domainOf, localPartOf, parseAddress } from "./address.ts";

/** What the keys are derived for. */
export const returnPathPurpose = "rewritten return paths";
export const validDays = 21;
const dayMs = 86_400_000;
const daysKept = 1_024;
const monthDays = 32;
const hashLength = 6;
const localMax = 64;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function rewrittenPath(
  path: Address,
  forwarder: Domain,
  key: Buffer,
  now: number,
): Address | undefined {
  const local = localPartOf(path);
  if (local.startsWith('"')) return undefined;
  const day = Math.floor(now / dayMs);
  const again = /^SRS([01])[=+-](.*)$/i.exec(local);
  const text = again ? chained(again, domainOf(path), key, day) : first(local, domainOf(path), key, day);
  if (text === undefined || text.length > localMax) return undefined;
  return `${text}@${forwarder}` as Address;
}

function first(local: string, domain: Domain, key: Buffer, day: number): string {
  const stamp = letter(day >> 5) + letter(day);
  return `SRS0=${hashOf(key, day, `${stamp}=${domain}=${local}`)}=${stamp}=${domain}=${local}`;
}

/** Of a path that was rewritten before only the first forwarder is kept: a bounce goes back to it directly. */
function chained([whole, kind, rest = ""]: RegExpExecArray, domain: Domain, key: Buffer, day: number) {
  if (kind === "0") {
    const opaque = whole.slice("SRS0".length);
    return `SRS1=${hashOf(key, day, `${domain}=${opaque}`)}=${domain}=${opaque}`;
  }
  const parts = /^[^=]*=([^=]+)=(.+)$/.exec(rest);
  if (!parts) return undefined;
  const [, host = "", opaque = ""] = parts;
  return `SRS1=${hashOf(key, day, `${host}=${opaque}`)}=${host}=${opaque}`;
}

/** `address` is in a domain of ours. */
export function originalPath(address: Address, keys: readonly Buffer[], now: number): Address | undefined {
  const match = /^SRS([01])[=+-]([^=]+)=(.+)$/i.exec(localPartOf(address));
  if (!match) return undefined;
  const [, kind, hash = "", rest = ""] = match;
  const today = Math.floor(now / dayMs);
  return kind === "0" ? fromFirst(hash, rest, keys, today) : fromChained(hash, rest, keys, today);
}

/** Whether the name is one that only we give out. */
export const isRewritten = (address: Address): boolean => /^SRS[01][=+-]/i.test(address);

function fromFirst(hash: string, rest: string, keys: readonly Buffer[], today: number): Address | undefined {
  const match = /^([A-Z2-7]{2})=([^=]+)=(.+)$/i.exec(rest);
  if (!match) return undefined;
  const [, stamp = "", domain = "", local = ""] = match;
  const age = (today - dayOf(stamp) + daysKept) % daysKept;
  if (age > validDays) return undefined;
  const text = `${stamp}=${domain}=${local}`;
  return fits(hash, text, keys, [today - age]) ? parseAddress(`${local}@${domain}`) : undefined;
}

function fromChained(
  hash: string,
  rest: string,
  keys: readonly Buffer[],
  today: number,
): Address | undefined {
  const match = /^([^=]+)=([=+-].+)$/.exec(rest);
  if (!match) return undefined;
  const [, host = "", opaque = ""] = match;
  const days = [today, today - validDays];
  return fits(hash, `${host}=${opaque}`, keys, days) ? parseAddress(`SRS0${opaque}@${host}`) : undefined;
}

function fits(hash: string, text: string, keys: readonly Buffer[], days: readonly number[]): boolean {
  const given = Buffer.from(hash.toUpperCase());
  return keys.some((key) =>
    days.some((day) => {
      const own = Buffer.from(hashOf(key, day, text));
      return own.length === given.length && timingSafeEqual(own, given);
    }),
  );
}

function hashOf(key: Buffer, day: number, text: string): string {
  const month = createHmac("sha256", key)
    .update(`srs ${Math.floor(day / monthDays)}`)
    .digest();
  const digest = createHmac("sha256", month).update(text.toLowerCase()).digest();
  let hash = "";
  for (let i = 0; i < hashLength; i++) hash += letter(digest[i] ?? 0);
  return hash;
}

const letter = (number: number): string => letters[number & 31] as string;

const dayOf = (stamp: string): number => {
  const [high = "", low = ""] = stamp.toUpperCase();
  return letters.indexOf(high) * 32 + letters.indexOf(low);
};
