import assert from "node:assert/strict";
import { test } from "node:test";
import { waitsBetween } from "./attempts.ts";

test("an attempt that came before its time is named, and the longest wait is told", () => {
  const tried = new Map([
    ["once@a.test", [5]],
    ["well@a.test", [0, 9_000, 19_500]],
    ["early@a.test", [100, 9_101, 9_200]],
  ]);
  const waits = waitsBetween(tried, 9_000);
  assert.deepEqual(waits.early, ["early@a.test after 99 ms"]);
  assert.equal(waits.longest, 10_500);
  assert.equal(waits.count, 4);
});
