import assert from "node:assert/strict";
import { test } from "node:test";
import { type Host, stopped } from "./lan.ts";

const host = (address: string): Host => ({ address, enter: [] });

test("a cut stops packets of every pair, in the directions that it was asked for", () => {
  const [a, b, c] = [host("10.0.0.1"), host("10.0.0.2"), host("10.0.0.3")];
  assert.deepEqual(stopped([a], [b, c], "to"), ["10.0.0.1 . 10.0.0.2", "10.0.0.1 . 10.0.0.3"]);
  assert.deepEqual(stopped([a], [b], "from"), ["10.0.0.2 . 10.0.0.1"]);
  assert.deepEqual(stopped([a, b], [c], "both").toSorted(), [
    "10.0.0.1 . 10.0.0.3",
    "10.0.0.2 . 10.0.0.3",
    "10.0.0.3 . 10.0.0.1",
    "10.0.0.3 . 10.0.0.2",
  ]);
});
