import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conditionsOf, no, unknown, type Verdict, yes } from "./conditions.ts";

const noon = "2027-01-01T12:00:00.123Z";
const later = "2027-01-01T13:00:00.456Z";

test("the time is that of the last change of status, in whole seconds", () => {
  const first = conditionsOf([unknown("Ready", "New", "")], { generation: 1, now: noon, before: undefined });
  assert.equal(first[0]?.lastTransitionTime, "2027-01-01T12:00:00Z");
  const reworded = conditionsOf([unknown("Ready", "Still", "so")], {
    generation: 2,
    now: later,
    before: first,
  });
  assert.deepEqual(reworded, [
    {
      type: "Ready",
      status: "Unknown",
      observedGeneration: 2,
      lastTransitionTime: "2027-01-01T12:00:00Z",
      reason: "Still",
      message: "so",
    },
  ]);
  const changed = conditionsOf([yes("Ready", "Done", "")], { generation: 2, now: later, before: reworded });
  assert.equal(changed[0]?.lastTransitionTime, "2027-01-01T13:00:00Z");
});

test("saying the same again later is no change", () => {
  const verdict = fc.constantFrom<Verdict>(yes("A", "R", "m"), no("A", "R", "m"), unknown("A", "Q", "n"));
  fc.assert(
    fc.property(verdict, verdict, (one, other) => {
      const before = conditionsOf([one], { generation: 3, now: noon, before: undefined });
      const after = conditionsOf([other], { generation: 3, now: later, before });
      const again = conditionsOf([other], { generation: 3, now: "2027-02-01T00:00:00Z", before: after });
      assert.deepEqual(again, after);
    }),
  );
});

test("a message is no longer than the schema lets it be", () => {
  const [long] = conditionsOf([yes("A", "R", "x".repeat(40_000))], { generation: 1, now: noon, before: [] });
  assert.equal(long?.message.length, 32_768);
});
