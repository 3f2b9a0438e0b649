import { randomBytes } from "node:crypto";
import type { MessageId } from "./job.ts";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

export function newMessageId(now: number, random: Uint8Array = randomBytes(10)): MessageId {
  let id = "";
  let time = now;
  for (let i = 0; i < 10; i++) {
    id = DIGITS[time % 32] + id;
    time = Math.floor(time / 32);
  }
  let bits = 0;
  let value = 0;
  for (const byte of random) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += DIGITS[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return id as MessageId;
}
