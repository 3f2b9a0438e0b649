import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { briefMs, FirstStatus } from "./first-status.ts";

function begin(crowded: boolean) {
  const clock = new FakeClock();
  const now = { crowded };
  return { clock, now, first: new FirstStatus({ clock, isCrowded: () => now.crowded }) };
}

test("what is about to be known to all is waited for, not for long", () => {
  const { clock, first } = begin(false);
  assert.equal(first.isWaiting("a/b"), false);
  assert.equal(first.left("a/b"), 2_000);
  assert.equal(first.isWaiting("a/b"), true);
  clock.advance(1_500);
  assert.equal(first.left("a/b"), 500);
  clock.advance(600);
  assert.equal(first.left("a/b"), 0);
  first.due("a/b");
  assert.equal(first.isWaiting("a/b"), false);
});

test("in a rush longer, and it is looked at now and then whether the rush is over", () => {
  const { clock, now, first } = begin(true);
  assert.equal(first.left("a/b"), 10_000);
  clock.advance(115_000);
  assert.equal(first.left("a/b"), 5_000);
  now.crowded = false;
  assert.equal(first.left("a/b"), 0);
});

test("in a rush the first status goes without records, and has them minutes later at the latest", () => {
  const { clock, now, first } = begin(true);
  assert.equal(first.isBrief("a/b", true), true);
  now.crowded = false;
  clock.advance(briefMs - 1);
  assert.equal(first.isBrief("a/b", false), true);
  clock.advance(1);
  assert.equal(first.isBrief("a/b", false), false);
});

test("records that were told stay told, and a status that was there before is never brief", () => {
  const { first } = begin(true);
  assert.equal(first.isBrief("a/b", true), true);
  first.whole("a/b");
  assert.equal(first.isBrief("a/b", false), false);
  assert.equal(first.isBrief("a/c", false), false);
});

test("without a rush nothing is left out", () => {
  const { first } = begin(false);
  assert.equal(first.isBrief("a/b", true), false);
});
