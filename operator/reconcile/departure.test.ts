import assert from "node:assert/strict";
import { test } from "node:test";
import { type DepartureFacts, departure, returnMs } from "./departure.ts";

const minute = 60_000;
const hour = 60 * minute;
const facts = (over: Partial<DepartureFacts> = {}): DepartureFacts => ({
  policy: "Drain",
  deleted: 0,
  timeoutMs: hour,
  now: minute,
  effective: true,
  namespaceLeaves: false,
  closed: true,
  left: 3,
  ...over,
});

const cases: readonly (readonly [string, Partial<DepartureFacts>, string])[] = [
  ["what is queued is waited for", {}, "wait until 60m"],
  ["nothing is queued any more", { left: 0 }, "go"],
  ["nothing is queued, but some pod still takes mail", { left: 0, closed: false }, "wait until 60m"],
  ["the store does not say", { left: undefined }, "wait until 60m"],
  ["the time for draining is over", { now: hour }, "return until 65m"],
  ["what is returned takes a while", { now: hour + minute, left: 0, closed: false }, "wait until 65m"],
  ["the last limit: something stays behind", { now: hour + returnMs }, "go without 3"],
  [
    "the last limit, and the store is gone",
    { now: hour + returnMs, left: undefined },
    "go without undefined",
  ],
  ["the last limit, and all was returned", { now: hour + returnMs, left: 0, closed: false }, "go"],
  ["Bounce returns at once", { policy: "Bounce" }, "return until 5m"],
  ["Bounce waits for the store", { policy: "Bounce", left: undefined }, "wait until 5m"],
  ["Bounce ends, too", { policy: "Bounce", now: 5 * minute }, "go without 3"],
  ["Orphan asks nothing", { policy: "Orphan", left: undefined }, "go"],
  ["what never had effect holds nothing", { effective: false }, "go"],
  ["a namespace that goes cannot drain", { namespaceLeaves: true }, "return until 5m"],
];

for (const [name, over, want] of cases)
  test(name, () => {
    const next = departure(facts(over));
    const words =
      next.step === "go"
        ? `go${next.abandoned ? ` without ${next.abandoned.left}` : ""}`
        : `${next.step} until ${next.until / minute}m`;
    assert.equal(words, want);
  });

test("it looks again soon, and never past a limit", () => {
  const waits = (over: Partial<DepartureFacts>) => {
    const next = departure(facts({ left: undefined, ...over }));
    return next.step === "wait" ? next.ms : undefined;
  };
  assert.equal(waits({}), 5_000);
  assert.equal(waits({ now: hour - 10 }), 10);
});
