import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Candidate,
  cheapest,
  costPatches,
  lookMs,
  type ScalerBounds,
  type ScalerState,
  scale,
  type Work,
} from "./scaler.ts";

const usual: ScalerBounds = { min: 1, max: 10, targetDueJobs: 500, stabilizationMs: 300_000 };
const counted = (due: number, more: Partial<Extract<Work, { kind: "counted" }>> = {}): Work => ({
  kind: "counted",
  due,
  oldestDueMs: 0,
  sessions: 0,
  jobs: due,
  ...more,
});

/** Plays a series of moments, each `everyMs` after the last one; `sizes` are those after each. */
function play(
  works: readonly Work[],
  {
    bounds = usual,
    from = 1,
    everyMs = lookMs,
    paused = false,
  }: { bounds?: ScalerBounds; from?: number; everyMs?: number; paused?: boolean } = {},
): number[] {
  let current = from;
  let state: ScalerState | undefined;
  return works.map((work, i) => {
    const decision = scale({ bounds, paused, now: i * everyMs, current, work }, state);
    state = decision.state;
    current = decision.replicas;
    return current;
  });
}

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

const needs: readonly (readonly [string, Work, number])[] = [
  ["nothing due", counted(0), 1],
  ["less than a pod's share", counted(499), 1],
  ["a job more than a pod's share", counted(501), 2],
  ["20,000 due", counted(20_000), 10],
  ["work that has waited for a minute counts double", counted(501, { oldestDueMs: 60_000 }), 3],
  ["work that has waited for five minutes counts fourfold", counted(501, { oldestDueMs: 300_000 }), 5],
  ["a single job that a slow destination holds up", counted(1, { oldestDueMs: 3_600_000 }), 1],
  ["as much sleeping mail as a pod holds", counted(0, { jobs: 500_000 }), 1],
  ["more sleeping mail than two pods hold", counted(0, { jobs: 1_000_001 }), 3],
  ["few jobs, but hardly a free worker", counted(3, { sessions: 900 }), 3],
];

for (const [name, work, want] of needs) {
  test(`${name}: ${want}`, () => assert.deepEqual(play([work]), [want]));
}

test("up at once, down one by one after stabilization", () => {
  const bounds = { ...usual, max: 4, stabilizationMs: 60_000 };
  const sizes = play([...times(2, counted(2_000)), ...times(40, counted(0))], { bounds });
  assert.deepEqual(sizes.slice(0, 2), [4, 4]);
  // The last moment with work was at 5 s; so the first step is at 65 s or a look later, the others 30 s after each.
  const changes = sizes.flatMap((size, i) =>
    i > 0 && size !== sizes[i - 1] ? [`${(i * lookMs) / 1_000} s: ${size}`] : [],
  );
  assert.deepEqual(changes, ["65 s: 3", "95 s: 2", "125 s: 1"]);
});

test("a short burst within the window keeps the size", () => {
  const bounds = { ...usual, stabilizationMs: 60_000 };
  const calm = times(10, counted(0));
  const sizes = play([...calm, counted(1_500), ...calm, counted(1_500), ...calm], { bounds, from: 3 });
  assert.ok(sizes.every((size) => size === 3));
});

test("without figures the size stays, and fewer must suffice for the whole time again", () => {
  const bounds = { ...usual, stabilizationMs: 60_000 };
  const calm = times(11, counted(0));
  const sizes = play([...calm, { kind: "unknown" }, ...calm], { bounds, from: 5 });
  assert.ok(sizes.every((size) => size === 5));
});

test("a scaler that has just started does not shrink on its first look", () => {
  assert.deepEqual(play([counted(0)], { from: 8 }), [8]);
});

test("to zero when nothing is due, and up again when something becomes due", () => {
  const bounds = { ...usual, min: 0, stabilizationMs: 10_000 };
  const down = play(times(5, counted(0)), { bounds });
  assert.equal(down.at(-1), 0);
  assert.deepEqual(play([{ kind: "asleep", dueInMs: undefined }], { bounds, from: 0 }), [0]);
  assert.deepEqual(play([{ kind: "asleep", dueInMs: 30_000 }], { bounds, from: 0 }), [0]);
  assert.deepEqual(play([{ kind: "asleep", dueInMs: 0 }], { bounds, from: 0 }), [1]);
});

test("one that sleeps is looked at when its next job is due", () => {
  const bounds = { ...usual, min: 0 };
  const facts = { bounds, paused: false, now: 0, current: 0 };
  assert.equal(scale({ ...facts, work: { kind: "asleep", dueInMs: 700 } }, undefined).wakeMs, 700);
  assert.equal(scale({ ...facts, work: { kind: "asleep", dueInMs: undefined } }, undefined).wakeMs, lookMs);
});

test("while it is paused, what is due asks for nobody", () => {
  assert.deepEqual(play([counted(50_000)], { paused: true }), [1]);
});

test("but what is held in memory must have room in it, also while it is paused or nothing is due", () => {
  assert.deepEqual(play([counted(50_000, { jobs: 900_000 })], { paused: true }), [2]);
  const bounds = { ...usual, min: 0, stabilizationMs: 10_000 };
  assert.equal(play(times(60, counted(0, { jobs: 900_000 })), { bounds, from: 5 }).at(-1), 2);
});

test("bounds that people change hold at once", () => {
  assert.deepEqual(play([counted(0)], { bounds: { ...usual, min: 3 } }), [3]);
  assert.deepEqual(play([counted(9_000)], { bounds: { ...usual, max: 2 }, from: 7 }), [2]);
  assert.deepEqual(play([{ kind: "unknown" }], { bounds: { ...usual, min: 3 } }), [3]);
});

const bounds = fc
  .record({
    min: fc.nat(20),
    more: fc.nat(50),
    targetDueJobs: fc.integer({ min: 1, max: 5_000 }),
    stabilizationMs: fc.constantFrom(0, 10_000, 300_000),
  })
  .map(({ more, ...rest }) => ({ ...rest, max: Math.max(1, rest.min + more) }));
const work: fc.Arbitrary<Work> = fc.oneof(
  fc.record({
    kind: fc.constant("counted" as const),
    due: fc.nat(100_000),
    oldestDueMs: fc.nat(600_000),
    sessions: fc.nat(5_000),
    jobs: fc.nat(5_000_000),
  }),
  fc.record({ kind: fc.constant("asleep" as const), dueInMs: fc.option(fc.nat(10_000), { nil: undefined }) }),
  fc.constant<Work>({ kind: "unknown" }),
);

test("whatever comes: within bounds, never down by more than one, never down when blind", () => {
  fc.assert(
    fc.property(bounds, fc.array(work, { maxLength: 60 }), fc.nat(70), (bounds, works, from) => {
      const start = Math.min(bounds.max, Math.max(bounds.min, from));
      const sizes = [start, ...play(works, { bounds, from: start })];
      for (const [i, one] of works.entries()) {
        const [before = 0, after = 0] = [sizes[i], sizes[i + 1]];
        assert.ok(after >= bounds.min && after <= bounds.max, `${after}`);
        assert.ok(after >= before - 1, `${before} to ${after}`);
        if (one.kind === "unknown") assert.equal(after, before);
      }
    }),
  );
});

test("more work never means fewer pods", () => {
  fc.assert(
    fc.property(bounds, fc.nat(50_000), fc.nat(50_000), fc.nat(400_000), (bounds, a, b, oldestDueMs) => {
      const size = (due: number) =>
        play([counted(due, { oldestDueMs })], { bounds, from: bounds.min })[0] ?? 0;
      if (a <= b) assert.ok(size(a) <= size(b));
    }),
  );
});

test("steady work comes to rest: the size no longer changes", () => {
  fc.assert(
    fc.property(bounds, fc.nat(50_000), fc.nat(70), (bounds, due, from) => {
      const settled = play(times(200, counted(due)), { bounds, from, everyMs: 31_000 });
      assert.deepEqual(new Set(settled.slice(-20)).size, 1);
      const need = Math.min(bounds.max, Math.max(bounds.min, Math.ceil(due / bounds.targetDueJobs)));
      assert.equal(settled.at(-1), need);
    }),
  );
});

test("what is remembered stays small", () => {
  let state: ScalerState | undefined;
  for (let i = 0; i < 5_000; i++) {
    const facts = {
      bounds: usual,
      paused: false,
      now: i * 10,
      current: 10,
      work: counted((i * 7_919) % 6_000),
    };
    ({ state } = scale(facts, state));
  }
  assert.ok((state?.needs.length ?? 0) <= 10);
});

const candidate = (pod: string, sessions: number, due: number): Candidate => ({ pod, sessions, due });

test("the cheapest pod has the fewest sessions, then the least to hand over", () => {
  const pods = [candidate("a", 3, 0), candidate("b", 1, 900), candidate("c", 1, 20)];
  assert.equal(cheapest(pods), "c");
  assert.equal(cheapest([]), undefined);
});

test("only the pod that is to leave is marked, and the mark goes when it stays", () => {
  const pods = [
    { name: "a", cost: undefined },
    { name: "b", cost: "-1" },
    { name: "c", cost: "100" },
  ];
  assert.deepEqual(costPatches(pods, "a"), [
    { pod: "a", cost: "-1" },
    { pod: "b", cost: null },
  ]);
  assert.deepEqual(costPatches(pods, "b"), []);
  assert.deepEqual(costPatches(pods, "c"), [{ pod: "b", cost: null }]);
  assert.deepEqual(costPatches(pods, undefined), [{ pod: "b", cost: null }]);
});
