/** What a stream holds, when each question may be answered by another copy of it, and some of these lag behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Batches, linkToCopies, reachAfter, stateAt } from "../../test/harness/stream-copies.ts";
import { StoreFault } from "./fault.ts";
import { anyHolds, recordsSince } from "./holdings.ts";

const calm = new AbortController().signal;
const holds = (history: Batches, since: number, ...reaches: readonly number[]) => {
  const left = [...reaches];
  const link = linkToCopies(history, () => left.shift() ?? assert.fail("one question more"));
  return anyHolds(link, { stream: "S", filter: "d.>", since });
};
const isBusy = (error: unknown) => error instanceof StoreFault && error.kind === "busy";

/** A mark, something else, the mark's end. */
const history: Batches = [
  [{ subject: "d.a", data: "x" }],
  [{ subject: "other", data: "x" }],
  [{ subject: "d.a", data: "" }],
  [{ subject: "d.b", data: "x" }],
];

test("what is held is found, what was emptied is not held any more", async () => {
  assert.equal(await holds(history, 1, 1, 1), true);
  assert.equal(await holds(history, 1, 2, 2), true);
  assert.equal(await holds(history, 3, 3, 3), false);
  assert.equal(await holds(history, 4, 4, 4), true);
});

test("nothing is there: that needs no records", async () => {
  assert.equal(await holds([[{ subject: "other", data: "x" }]], 1, 1), false);
});

test("a copy that does not reach the record is not believed, neither when it lists nor when it is read", async () => {
  await assert.rejects(holds(history, 4, 3), isBusy);
  await assert.rejects(holds(history, 3, 0), isBusy);
  await assert.rejects(holds(history, 3, 3, 2), isBusy);
  await assert.rejects(holds(history, 4, 4, 3), isBusy);
  await assert.rejects(holds(history, 4, 4, 0), isBusy);
});

test("what is passed on while it is looked at is not missed", async () => {
  const passed: Batches = [
    [{ subject: "d.a", data: "x" }],
    [
      { subject: "d.b", data: "x" },
      { subject: "d.a", data: "" },
    ],
  ];
  await assert.rejects(holds(passed, 1, 1, 3), isBusy);
});

const batches = fc.array(
  fc.array(
    fc.record({
      subject: fc.constantFrom("d.a", "d.b", "d.c", "other"),
      data: fc.constantFrom("", "x"),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { minLength: 1, maxLength: 8 },
);

test("it says that nothing is held only when that was so in a moment behind the record", async () => {
  await fc.assert(
    fc.asyncProperty(
      batches,
      fc.nat(),
      fc.array(fc.nat(), { minLength: 2, maxLength: 2 }),
      async (all, from, who) => {
        // Copies know whole batches.
        const moments = all.map((_, i) => reachAfter(all, i + 1));
        const since = moments[from % moments.length] as number;
        const reaches = who.map((n) => [0, ...moments][n % (moments.length + 1)] as number);
        const link = linkToCopies(all, () => reaches.shift() ?? 0);
        const said = await anyHolds(link, { stream: "S", filter: "d.>", since }).catch(() => undefined);
        if (said !== false) return;
        const isFree = moments.some(
          (reach) =>
            reach >= since &&
            ![...stateAt(all, reach).values()].some(
              ({ subject, data }) => subject !== "other" && data !== "",
            ),
        );
        assert.ok(isFree);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("records are those of the moment, or newer; none is missing", async () => {
  const records = async (since: number, ...reaches: number[]) => {
    const link = linkToCopies(history, () => reaches.shift() ?? 0);
    const found: string[] = [];
    for await (const { subject, sequence } of recordsSince(link, { stream: "S", filter: "d.>", since }, calm))
      found.push(`${subject} ${sequence}`);
    return found;
  };
  assert.deepEqual(await records(1, 1, 3), ["d.a 3"]);
  assert.deepEqual(await records(4, 4, 4), ["d.a 3", "d.b 4"]);
  await assert.rejects(records(4, 4, 3), isBusy);
  await assert.rejects(records(4, 3), isBusy);
});
