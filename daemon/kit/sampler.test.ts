import assert from "node:assert/strict";
import { test } from "node:test";
import { Sampler } from "./sampler.ts";

test("the first few of each kind are told, then how many were not", () => {
  const sampler = new Sampler(2, 1_000);
  const told = (kind: string, now: number) => sampler.tell(kind, now);
  assert.deepEqual([told("a", 0), told("a", 1), told("a", 2), told("a", 999)], [0, 0, undefined, undefined]);
  assert.deepEqual([told("b", 3), told("b", 4), told("b", 5)], [0, 0, undefined], "another kind");
  assert.deepEqual([told("a", 1_000), told("a", 1_001), told("a", 1_002)], [2, 0, undefined]);
  assert.deepEqual([told("a", 9_000), told("b", 9_000)], [1, 1]);
});
