import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coarse, coarseTime, octets } from "./coarse.ts";

const counts = [
  [0, 0],
  [1, 1],
  [99, 99],
  [100, 100],
  [1_234, 1_200],
  [1_250, 1_300],
  [99_999, 100_000],
] as const;
for (const [given, want] of counts)
  test(`${given} is about ${want}`, () => assert.equal(coarse(given), want));

test("coarse is near, keeps order, and is coarse enough once", () => {
  fc.assert(
    fc.property(fc.nat(1e15), fc.nat(1e15), (a, b) => {
      assert.ok(Math.abs(coarse(a) - a) <= a * 0.05 + 1e-9);
      assert.equal(coarse(coarse(a)), coarse(a));
      if (a <= b) assert.ok(coarse(a) <= coarse(b));
      assert.equal(coarse(a) === 0, a === 0);
    }),
  );
});

const sizes = [
  [0, "0"],
  [999, "999"],
  [1_024, "1Ki"],
  [1_434, "1.4Ki"],
  [43_000_000, "41Mi"],
  [1_073_741_824, "1Gi"],
  [1_100_000_000_000, "1Ti"],
] as const;
for (const [given, want] of sizes)
  test(`${given} octets are ${want}`, () => assert.equal(octets(given), want));

test("times are whole minutes", () => {
  assert.equal(coarseTime(Date.parse("2027-01-01T12:34:56.789Z")), "2027-01-01T12:34:00Z");
});
