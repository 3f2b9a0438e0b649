import assert from "node:assert/strict";
import { test } from "node:test";
import { Share } from "./share.ts";

test("what fits is taken, what is replaced or gone counts no more", () => {
  const share = new Share(3_000);
  share.note("a", 1_000, 1);
  assert.ok(share.fits("b", 1_000));
  share.note("b", 1_000, 2);
  assert.ok(!share.fits("c", 1_000));
  assert.ok(share.fits("b", 1_000), "it may be replaced");
  share.note("a", 0, 3);
  assert.deepEqual([share.has("a"), share.fits("c", 1_000)], [false, true]);
});

test("the oldest go first, as many as needed, and never the one that comes", () => {
  const share = new Share(4_300);
  for (const [i, subject] of ["a", "b", "c"].entries()) share.note(subject, 1_000, i + 1);
  assert.deepEqual(share.tooMany("d", 200), []);
  assert.deepEqual(share.tooMany("d", 1_000), ["a"]);
  assert.deepEqual(share.tooMany("d", 2_400), ["a", "b"]);
  assert.deepEqual(share.tooMany("a", 2_400), ["b"]);
});

test("what is heard late does not undo what was written since", () => {
  const share = new Share(4_000);
  share.note("x.1", 1_000, 7);
  share.note("x.1", 0, 5);
  assert.deepEqual(share.under("x."), ["x.1"]);
  share.note("x.1", 0, 8);
  assert.deepEqual(share.under("x."), []);
});
