import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { forgetOldest } from "./oldest.ts";

test("of a full map the oldest go, a sixteenth at once", () => {
  const kept = new Map(Array.from({ length: 32 }, (_, n) => [n, n]));
  forgetOldest(kept, 32);
  assert.equal(kept.size, 32, "as many as may be");
  kept.set(32, 32);
  forgetOldest(kept, 32);
  assert.deepEqual(
    [...kept.keys()],
    Array.from({ length: 30 }, (_, n) => n + 3),
  );
});

test("property: never more than there may be, always the newest, never empty", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(100)), (most, keys) => {
      const kept = new Map<number, number>();
      const order: number[] = [];
      for (const key of keys) {
        kept.delete(key);
        kept.set(key, key);
        order.push(key);
        forgetOldest(kept, most);
        assert.ok(kept.size <= most);
        const newest = [...new Set(order.toReversed())].slice(0, kept.size).toReversed();
        assert.deepEqual([...kept.keys()], newest);
        assert.ok(kept.size >= Math.min(new Set(order).size, most - (most >> 4)) || order.length === 0);
      }
    }),
  );
});
