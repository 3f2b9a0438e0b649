/**
 * Message ids: 26 characters of lower-case Crockford base32 that sort by time.
 *
 * In:     the time in ms since the epoch, and 10 random octets.
 * Out:    10 characters of time (48 bits), then 16 of chance (80 bits). Safe in a subject token, a file name, a
 *         Message-ID and a shell.
 * Fails:  `parseMessageId` returns `undefined` for anything that is not an id.
 */
import { randomFillSync } from "node:crypto";
import type { JobKey, MessageId } from "./job.ts";

const digits = "0123456789abcdefghjkmnpqrstvwxyz";
const timeLength = 10;
const randomOctets = 10;
/** 48 bits leave the first digit below 8. */
const shape = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Every pair of digits, so that an id is 8 look-ups and not 16 shifts. */
const pairs: readonly string[] = Array.from(
  { length: 1024 },
  (_, i) => `${digits[i >>> 5]}${digits[i & 31]}`,
);

const pool = Buffer.alloc(randomOctets * 400);
let drawn = pool.length;

/** One system call for 400 ids: a call for each would cost more than the rest of the id. */
function freshOctets(): Uint8Array {
  if (drawn >= pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  drawn += randomOctets;
  return pool.subarray(drawn - randomOctets, drawn);
}

let lastTime = -1;
let lastPrefix = "";

function timePrefix(now: number): string {
  if (now === lastTime) return lastPrefix;
  let rest = Math.floor(now);
  let prefix = "";
  for (let i = 0; i < timeLength / 2; i++) {
    prefix = pairs[rest % 1024] + prefix;
    rest = Math.floor(rest / 1024);
  }
  lastTime = now;
  lastPrefix = prefix;
  return prefix;
}

export function newMessageId(now: number, random: Uint8Array = freshOctets()): MessageId {
  let id = timePrefix(now);
  let bits = 0;
  let held = 0;
  for (let i = 0; i < randomOctets; i++) {
    held = ((held & 0x3ff) << 8) | (random[i] ?? 0);
    bits += 8;
    if (bits < 10) continue;
    bits -= 10;
    id += pairs[(held >>> bits) & 1023];
  }
  return id as MessageId;
}

/** An id as people and commands write it: any case. */
export function parseMessageId(text: string): MessageId | undefined {
  if (text.length !== 26) return undefined;
  const id = text.toLowerCase();
  return shape.test(id) ? (id as MessageId) : undefined;
}

/** When the id was made, ms since the epoch. */
export function idTime(id: MessageId): number {
  let time = 0;
  for (let i = 0; i < timeLength; i++) time = time * 32 + digits.indexOf(id.charAt(i));
  return time;
}

/** The message that a job belongs to. */
export const messageOf = (key: JobKey): MessageId => key.split(".").at(-2) as MessageId;
