/** Addresses of this machine that nobody else is likely to use: servers on them have their usual ports. Linux answers on all of 127/8. */
import { randomInt } from "node:crypto";

export function loopbackAddresses(count: number): string[] {
  const net = `127.${randomInt(1, 255)}.${randomInt(0, 255)}`;
  return Array.from({ length: count }, (_, n) => `${net}.${n + 1}`);
}
