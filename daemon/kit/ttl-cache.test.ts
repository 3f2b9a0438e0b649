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
