import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDuration, parseQuantity } from "./quantities.ts";

const durations = [
  ["0s", 0],
  ["1s", 1_000],
  ["5m", 300_000],
  ["4h", 14_400_000],
  ["5d", 432_000_000],
  ["999999d", 86_399_913_600_000],
  ["05m", undefined],
  ["5", undefined],
  ["5 m", undefined],
  ["-5m", undefined],
  ["1.5h", undefined],
  ["1h30m", undefined],
  ["5M", undefined],
  ["", undefined],
  ["1000000s", undefined],
] as const;

for (const [text, want] of durations) {
  test(`duration ${JSON.stringify(text)} is ${want}`, () => assert.equal(parseDuration(text), want));
}

const quantities = [
  [1, 1],
  [1500, 1500],
  ["1500", 1500],
  ["1Ki", 1024],
  ["25Mi", 26_214_400],
  ["1Gi", 1_073_741_824],
  ["1k", 1000],
  ["1G", 1_000_000_000],
  ["1.5Gi", 1_610_612_736],
  ["1.1", 2],
  ["1.0000000001", undefined],
  ["2P", 2_000_000_000_000_000],
  ["8Pi", undefined],
  ["9007199254740991", undefined],
  ["900719925474099", 900_719_925_474_099],
  ["0", undefined],
  [0, undefined],
  [-1, undefined],
  ["1K", undefined],
  ["1ki", undefined],
  ["1 Gi", undefined],
  ["1e3", undefined],
  ["500m", undefined],
  ["", undefined],
] as const;

for (const [value, want] of quantities) {
  test(`quantity ${JSON.stringify(value)} is ${want}`, () => assert.equal(parseQuantity(value), want));
}

test("a duration is its number times its unit", () => {
  const unit = fc.constantFrom(
    ["s", 1_000],
    ["m", 60_000],
    ["h", 3_600_000],
    ["d", 86_400_000],
  ) as fc.Arbitrary<[string, number]>;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999 }), unit, (n, [letter, ms]) =>
      assert.equal(parseDuration(`${n}${letter}`), n * ms),
    ),
  );
});

test("the units of a quantity are powers, and a fraction is rounded up", () => {
  const unit = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 999 }),
      fc.integer({ min: 0, max: 99 }),
      unit,
      (n, hundredths, i) => {
        const fraction = String(hundredths).padStart(2, "0");
        const exact = (BigInt(n) * 100n + BigInt(hundredths)) * 1024n ** BigInt(i + 1);
        const octets = parseQuantity(`${n}.${fraction}${"KMGTP"[i]}i`);
        assert.equal(octets, exact % 100n === 0n ? Number(exact / 100n) : Number(exact / 100n) + 1);
      },
    ),
  );
});

test("no text makes them throw", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const size = parseQuantity(text);
      const ms = parseDuration(text);
      assert.ok(size === undefined || (Number.isSafeInteger(size) && size > 0));
      assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0));
    }),
  );
});
