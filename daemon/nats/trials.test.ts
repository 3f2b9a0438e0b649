import assert from "node:assert/strict";
import { test } from "node:test";
import { Trials } from "./trials.ts";

test("a refusal is asked about again after growing pauses, up to half a minute", () => {
  const trials = new Trials();
  assert.equal(trials.wereRefused, false);
  assert.deepEqual(
    Array.from({ length: 9 }, () => trials.refused()),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  );
  assert.equal(trials.wereRefused, true);
});

test("silence for longer than the choice of a leader takes is a reason to leave", () => {
  const trials = new Trials();
  assert.deepEqual(trials.unanswered(true, 0), { pauseMs: 500, shouldLeave: false });
  assert.equal(trials.unanswered(true, 12_000).shouldLeave, false);
  assert.equal(trials.unanswered(true, 12_001).shouldLeave, true);
});

for (const [name, interrupt] of [
  ["a refusal", (trials: Trials) => void trials.refused()],
  ["a lost connection", (trials: Trials) => void trials.unanswered(false, 11_000)],
] as const)
  test(`${name} is no silence: it is counted from anew`, () => {
    const trials = new Trials();
    trials.unanswered(true, 0);
    interrupt(trials);
    assert.equal(trials.unanswered(true, 12_001).shouldLeave, false);
    assert.equal(trials.unanswered(true, 24_002).shouldLeave, true);
  });
