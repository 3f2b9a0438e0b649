import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { idTime, newMessageId, parseMessageId } from "./ids.ts";

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const octets = fc.uint8Array({ minLength: 10, maxLength: 10 });

/** The definition, word by word: one number of 128 bits, written in base 32. */
function reference(now: number, random: Uint8Array): string {
  let number = BigInt(now);
  for (const octet of random) number = number * 256n + BigInt(octet);
  let id = "";
  for (let i = 0; i < 26; i++, number /= 32n)
    id = "0123456789abcdefghjkmnpqrstvwxyz".charAt(Number(number % 32n)) + id;
  return id;
}

test("an id is the time and the random octets as one number in base 32", () => {
  fc.assert(fc.property(time, octets, (now, random) => newMessageId(now, random) === reference(now, random)));
});

test("an id tells when it was made", () => {
  fc.assert(fc.property(time, octets, (now, random) => idTime(newMessageId(now, random)) === now));
});

test("ids sort by time", () => {
  fc.assert(
    fc.property(time, time, octets, octets, (a, b, x, y) => {
      fc.pre(a < b);
      return newMessageId(a, x) < newMessageId(b, y);
    }),
  );
});

test("every id is valid, in either case", () => {
  fc.assert(
    fc.property(time, octets, (now, random) => {
      const id = newMessageId(now, random);
      return parseMessageId(id) === id && parseMessageId(id.toUpperCase()) === id;
    }),
  );
});

for (const text of [
  "",
  "01kb0w0000",
  "zzzzzzzzzz0000000000000000",
  "01kb0w0000iiiiiiiiiiiiiiii",
  "01kb0w0000uuuuuuuuuuuuuuuu",
  "01kb0w0000 000000000000000",
  "01kb0w0000000000000000000\n",
]) {
  test(`${JSON.stringify(text)} is not an id`, () => assert.equal(parseMessageId(text), undefined));
}

test("ids of one millisecond differ", () => {
  const ids = new Set(Array.from({ length: 5_000 }, () => newMessageId(1_700_000_000_000)));
  assert.equal(ids.size, 5_000);
});
