import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TtlCache } from "./ttl-cache.ts";

test("an entry is given until its end, not at it", () => {
  const cache = new TtlCache<string>(2);
  cache.set("a", "first", 100, 0);
  assert.deepEqual(cache.get("a", 99), { value: "first", until: 100 });
  assert.equal(cache.get("a", 100), undefined);
  assert.equal(cache.size, 0, "an ended entry is forgotten when it is seen");
});

test("what has ended already is not kept, and replaces what was there", () => {
  const cache = new TtlCache<string>(2);
  cache.set("a", "old", 100, 0);
  cache.set("a", "new", 10, 10);
  assert.equal(cache.get("a", 10), undefined);
});

test("the least recently used entry makes room", () => {
  const cache = new TtlCache<number>(2);
  cache.set("a", 1, 100, 0);
  cache.set("b", 2, 100, 0);
  cache.get("a", 1);
  cache.set("c", 3, 100, 1);
  assert.equal(cache.get("b", 1), undefined);
  assert.equal(cache.get("a", 1)?.value, 1);
  assert.equal(cache.get("c", 1)?.value, 3);
});

test("where values are weighed the least recently used ones make room for a heavy one, and what is too heavy is not kept", () => {
  const cache = new TtlCache<number>(100, { most: 100, of: (_key, weight) => weight });
  for (const key of ["a", "b", "c"]) cache.set(key, 30, 100, 0);
  cache.get("a", 1);
  cache.set("d", 40, 100, 1);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => cache.get(key, 1)?.value),
    [30, undefined, undefined, 40],
  );
  cache.set("d", 10, 100, 1);
  cache.set("e", 45, 100, 1);
  assert.equal(cache.size, 3, "what was replaced weighs nothing any more");
  cache.set("f", 101, 100, 1);
  assert.equal(cache.size, 0);
  for (let i = 0; i < 500; i++) cache.set(`${i}`, 0, 100, 1);
  assert.ok(cache.size <= 100);
});

test("property: what is weighed is never more than allowed, whatever ends, goes or is replaced", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    weight: fc.nat(60),
    ttl: fc.integer({ min: -5, max: 50 }),
    pass: fc.nat(20),
    drop: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const cache = new TtlCache<number>(4, { most: 100, of: (_key, weight) => weight });
      let now = 0;
      for (const { key, weight, ttl, pass, drop } of steps) {
        now += pass;
        if (drop) cache.delete(key);
        else cache.set(key, weight, now + ttl, now);
        const kept = ["a", "b", "c", "d", "e"].map((each) => cache.get(each, now)?.value ?? 0);
        assert.ok(kept.reduce((sum, each) => sum + each, 0) <= 100);
        if (!drop && ttl > 0 && weight <= 40) assert.equal(cache.get(key, now)?.value, weight);
      }
    }),
  );
});

test("clear forgets everything", () => {
  const cache = new TtlCache<number>(2);
  cache.set("a", 1, 100, 0);
  cache.clear();
  assert.equal(cache.get("a", 0), undefined);
});

test("property: never more entries than its capacity, never a value past its end, never one that was not set", () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    ttl: fc.integer({ min: -5, max: 50 }),
    pass: fc.nat(20),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 60, size: "max" }),
      (capacity, steps) => {
        const cache = new TtlCache<number>(capacity);
        const model = new Map<string, { value: number; until: number }>();
        let now = 0;
        steps.forEach(({ key, ttl, pass }, index) => {
          now += pass;
          const got = cache.get(key, now);
          if (got) assert.deepEqual(got, model.get(key));
          if (got) assert.ok(got.until > now);
          cache.set(key, index, now + ttl, now);
          model.set(key, { value: index, until: now + ttl });
          assert.ok(cache.size <= capacity);
        });
      },
    ),
  );
});
