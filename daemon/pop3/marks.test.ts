import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Marks } from "./marks.ts";

test("what is marked is not found, not counted, and told", () => {
  const marks = new Marks([{ size: 10 }, { size: 20 }, { size: 30 }]);
  marks.delete(2);
  assert.deepEqual([marks.count, marks.octets], [2, 40]);
  assert.equal(marks.find(2), undefined);
  assert.ok(marks.isDeleted(2));
  assert.deepEqual(
    [...marks.rest()],
    [
      [1, { size: 10 }],
      [3, { size: 30 }],
    ],
  );
  assert.deepEqual(marks.deleted(), [{ size: 20 }]);
});

test("a number that is none is neither found nor marked", () => {
  const marks = new Marks([{ size: 10 }]);
  for (const number of [0, 2, -1, 1.5, Number.MAX_SAFE_INTEGER]) {
    marks.delete(number);
    assert.equal(marks.find(number), undefined);
    assert.equal(marks.isDeleted(number), false);
  }
  assert.equal(marks.count, 1);
});

test("figures and lists agree, whatever is marked; a reset brings everything back", () => {
  const sizes = fc.array(fc.nat(1_000), { maxLength: 20 });
  fc.assert(
    fc.property(sizes, fc.array(fc.integer({ min: -2, max: 25 })), (all, numbers) => {
      const marks = new Marks(all.map((size) => ({ size })));
      for (const number of numbers) marks.delete(number);
      const rest = [...marks.rest()];
      assert.equal(marks.count, rest.length);
      assert.equal(
        marks.octets,
        rest.reduce((sum, [, { size }]) => sum + size, 0),
      );
      assert.equal(marks.deleted().length + rest.length, all.length);
      for (const [number, message] of rest) assert.equal(marks.find(number), message);
      marks.reset();
      assert.deepEqual(
        [...marks.rest()].map(([, { size }]) => size),
        all,
      );
      assert.equal(
        marks.octets,
        all.reduce((sum, size) => sum + size, 0),
      );
    }),
  );
});
