import assert from "node:assert/strict";
import { test } from "node:test";
import { kstatus } from "../../test/harness/kstatus.ts";
import { conditionsOf } from "./conditions.ts";
import { deletionVerdicts, type Outlook, outlookVerdicts } from "./verdicts.ts";

const about = { reason: "Why", message: "how" };
const outlooks: readonly (readonly [Outlook["kind"], string])[] = [
  ["ready", "Current"],
  ["ready-changing", "InProgress"],
  ["progressing", "InProgress"],
  ["stalled", "Failed"],
];

for (const [kind, want] of outlooks) {
  test(`${kind} is ${want} to kstatus`, () => {
    const occasion = { generation: 1, now: "2027-01-01T00:00:00Z", before: undefined };
    const conditions = conditionsOf(outlookVerdicts({ kind, ...about }), occasion);
    assert.equal(kstatus(1, { observedGeneration: 1, conditions }), want);
    assert.equal(kstatus(2, { observedGeneration: 1, conditions }), "InProgress");
    assert.ok(!conditions.every(({ status }) => status === "True"));
  });
}

const until = "2027-01-01T01:00:00.000Z";
const deletions = [
  [
    { policy: "Drain", left: 3, returning: false, until },
    /^3 messages are still queued .* what is left at 2027-01-01T01:00:00Z is returned/,
  ],
  [{ policy: "Drain", left: 1, returning: true, until }, /^1 message is being returned .* at the latest/],
  [{ policy: "Bounce", left: 2, returning: false, until }, /^2 messages are being returned/],
  [{ policy: "Drain", left: 0, returning: false, until }, /^nothing is queued any more/],
  [{ policy: "Drain", left: undefined, returning: false, until }, /the store does not answer/],
] as const;

for (const [facts, words] of deletions) {
  test(`deletion says: ${words.source}`, () => {
    const [draining, ready] = deletionVerdicts(facts);
    assert.equal(draining?.type, "Draining");
    assert.match(draining?.message ?? "", words);
    assert.deepEqual([ready?.type, ready?.status, ready?.reason], ["Ready", "False", "Deleting"]);
  });
}
