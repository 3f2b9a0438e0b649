import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pace, Row } from "./pace.ts";
import { pacedSort } from "./paced-sort.ts";

/** Time that goes on by a millisecond whenever somebody looks at it. */
const hurried = () => {
  let now = 0;
  return { monotonic: () => now++ };
};

test("a paced sort is a stable sort", async () => {
  const items = fc.array(fc.tuple(fc.nat(50), fc.nat()), { maxLength: 2_000, size: "max" });
  await fc.assert(
    fc.asyncProperty(items, async (some) => {
      const compare = ([a]: readonly number[], [b]: readonly number[]) => (a ?? 0) - (b ?? 0);
      assert.deepEqual(await pacedSort(some, compare, new Pace(hurried())), some.toSorted(compare));
    }),
    { numRuns: 20 },
  );
});

test("of many who rest, one goes on in each iteration of the event loop, in the order they came", async () => {
  const row = new Row();
  const told: string[] = [];
  const worker = async (name: string) => {
    const pace = new Pace(hurried(), row);
    for (let i = 0; i < 3; i++) {
      await pace.rest();
      told.push(name);
    }
  };
  let iterations = 0;
  let going = true;
  const count = () => {
    iterations++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(["a", "b", "c"].map(worker));
  going = false;
  assert.deepEqual(told.join(""), "abcabcabc");
  assert.ok(iterations >= 8, `${iterations}`);
});
