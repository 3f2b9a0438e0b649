import assert from "node:assert/strict";
import { test } from "node:test";
import { diceFrom } from "./chance.ts";
import { median, type Sample, slopeOf, trendOf } from "./soak/flat.ts";

const each = (count: number, value: (n: number) => number): Sample[] =>
  Array.from({ length: count }, (_, n) => ({ at: n * 20, value: value(n) }));

test("medians of odd and even numbers of values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test("a straight line has its own slope", () => {
  assert.equal(slopeOf(each(10, (n) => 7 + n * 40)), 2);
});

test("a fifth of all samples may be anything", () => {
  const steady = each(90, (n) => (n % 5 === 0 ? 1e9 : 50));
  assert.equal(slopeOf(steady), 0);
});

test("the first third is not looked at", () => {
  const warming = each(90, (n) => Math.min(n, 30));
  const { rise, median: middle, seconds } = trendOf(warming);
  assert.deepEqual({ rise, middle, seconds }, { rise: 0, middle: 30, seconds: 59 * 20 });
});

test("a small leak under much noise is seen, and noise alone is none", () => {
  const dice = diceFrom(7);
  const noisy = (leak: number) => trendOf(each(90, (n) => 1_000 + n * leak + dice.whole(-30, 30))).rise;
  assert.ok(noisy(1) > 40, "59 in truth");
  assert.ok(Math.abs(noisy(0)) < 20);
});

test("what falls is not a rise, and two samples are too few", () => {
  assert.ok(trendOf(each(9, (n) => 100 - n)).rise < 0);
  assert.throws(() => trendOf(each(1, () => 1)), RangeError);
});
