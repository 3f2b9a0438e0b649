import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseQuantity } from "./quantity.ts";

const same = [
  ["1000m", "1"],
  ["0.5Gi", "512Mi"],
  ["1e3", "1k"],
  ["1E2", "100"],
  ["1500", "1.5k"],
  [".5", "500m"],
  ["1.", "1"],
  ["+2", "2"],
  ["1024Ki", "1Mi"],
  ["0.1n", "1n"],
  ["1E", "1000P"],
] as const;

for (const [a, b] of same) {
  test(`${a} is ${b}`, () => assert.equal(parseQuantity(a), parseQuantity(b)));
}

for (const text of ["", ".", "1x", "1 Gi", "1ki", "Gi", "--1", "1e", "NaN"]) {
  test(`${JSON.stringify(text)} is no quantity`, () => assert.equal(parseQuantity(text), undefined));
}

test("more milli are more", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (a, b) => {
      const [left, right] = [parseQuantity(`${a}m`), parseQuantity(`${b}m`)];
      assert.ok(left !== undefined && right !== undefined);
      assert.equal(left < right, a < b);
    }),
  );
});
