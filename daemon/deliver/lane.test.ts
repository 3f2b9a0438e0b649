import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Entry } from "../queue/schedule.ts";
import { Lane, type LaneWay } from "./lane.ts";

const entry = (target: string, due: number, key: string, untried = false): Entry =>
  ({ key, target, due, untried }) as unknown as Entry;
const lane = () => new Lane({ lane: "a site" } as unknown as LaneWay);
const keys = (entries: readonly (Entry | undefined)[]) => entries.map((each) => each?.key);

test("targets take turns, and each keeps its order", () => {
  const line = lane();
  for (const [target, key] of [
    ["a", "a1"],
    ["a", "a2"],
    ["b", "b1"],
    ["a", "a3"],
  ] as const)
    line.add(entry(target, 0, key));
  assert.deepEqual(keys([line.take(), line.take(), line.take(), line.take(), line.take()]), [
    "a1",
    "b1",
    "a2",
    "a3",
    undefined,
  ]);
});

test("what was never tried takes turns with what is tried again, within a target, too", () => {
  const line = lane();
  for (let n = 1; n <= 4; n++) line.add(entry("a", n, `again${n}`));
  line.add(entry("a", 5, "untried5", true));
  line.add(entry("a", 6, "untried6", true));
  assert.deepEqual([line.size, line.waiting(() => true)], [6, { jobs: 6, oldest: 1 }]);
  assert.deepEqual(keys(line.drain()), ["again1", "untried5", "again2", "untried6", "again3", "again4"]);
});

test("what is put back stands in front of its line", () => {
  const line = lane();
  for (const key of ["a1", "a2"]) line.add(entry("a", 0, key));
  const first = line.take();
  if (first) line.putBack(first);
  assert.deepEqual(keys(line.drain()), ["a1", "a2"]);
});

test("what has been due for long is taken out of every line", () => {
  const line = lane();
  for (const [target, due] of [
    ["a", 1],
    ["a", 9],
    ["b", 2],
    ["c", 9],
  ] as const)
    line.add(entry(target, due, `${target}${due}`));
  assert.deepEqual(keys(line.older(5)).sort(), ["a1", "b2"]);
  assert.deepEqual([line.size, keys(line.drain()).sort()], [2, ["a9", "c9"]]);
});

test("property: whatever is done, each comes out once, and the size is what is inside", () => {
  const step = fc.record({
    what: fc.constantFrom("add", "add", "take", "putBack", "older"),
    target: fc.constantFrom("a", "b", "c"),
    due: fc.nat(20),
    untried: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const line = lane();
      const inside = new Set<string>();
      const out = (found: Entry | undefined) => found && assert.ok(inside.delete(found.key), found.key);
      steps.forEach(({ what, target, due, untried }, i) => {
        if (what === "add") {
          inside.add(`${i}`);
          line.add(entry(target, due, `${i}`, untried));
        } else if (what === "take") out(line.take());
        else if (what === "older") for (const each of line.older(due)) out(each);
        else {
          const taken = line.take();
          if (taken) line.putBack(taken);
        }
        assert.equal(line.size, inside.size);
      });
      for (const each of line.drain()) out(each);
      assert.equal(inside.size, 0);
    }),
  );
});
