import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs } from "./backoff.ts";

const limits = { firstMs: 100, maxMs: 1_000 };

for (const [failures, least, most] of [
  [1, 50, 100],
  [2, 100, 200],
  [4, 400, 800],
  [5, 500, 1_000],
  [5_000, 500, 1_000],
] as const)
  test(`failure ${failures} waits between ${least} and ${most} ms`, () => {
    assert.equal(
      backoffMs(failures, limits, () => 0),
      least,
    );
    assert.equal(
      backoffMs(failures, limits, () => 1),
      most,
    );
  });
