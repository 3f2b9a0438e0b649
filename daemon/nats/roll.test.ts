import assert from "node:assert/strict";
import { test } from "node:test";
import { logBook } from "../../test/harness/log-book.ts";
import { silent } from "../kit/log.ts";
import { Roll } from "./roll.ts";

const record = (subject: string, value: object | undefined, sequence: number, forged = false) => ({
  subject: `own.ns.relay-x.${subject}`,
  data: value === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(value)),
  sequence,
  forged,
});

test("a member lives from its record on until its end; one that leaves still lives", () => {
  const roll = new Roll(silent);
  roll.hear(record("m.one", { since: 1 }, 1), 0);
  roll.hear(record("m.two", { since: 1, leaving: true }, 2), 0);
  assert.deepEqual([[...roll.live], [...roll.leavers]], [["one", "two"], ["two"]]);
  roll.hear(record("m.two", undefined, 3), 0);
  assert.deepEqual([[...roll.live], [...roll.leavers]], [["one"], []]);
});

test("who was not heard of for long is silent, until it is gone", () => {
  const roll = new Roll(silent);
  roll.hear(record("m.one", { since: 1 }, 1), 1_000);
  roll.hear(record("m.two", { since: 1 }, 2), 1_500);
  roll.hear(record("m.one", { since: 1 }, 3), 2_000);
  assert.deepEqual([roll.silentSince(1_500), roll.silentSince(1_501)], [[], ["two"]]);
  roll.gone("two");
  assert.deepEqual([roll.silentSince(1_501), [...roll.live]], [[], ["one"]]);
});

test("the latest record says who holds a partition, in whatever order they are heard", () => {
  const roll = new Roll(silent);
  roll.learn(1, "me", 5); // written by us, and known before it is heard
  roll.hear(record("p.1", { holder: "before" }, 4), 0);
  roll.hear(record("p.0", { holder: "other" }, 6), 0);
  assert.deepEqual(roll.holdings(3), [
    { partition: 0, holder: "other" },
    { partition: 1, holder: "me" },
    { partition: 2, holder: undefined },
  ]);
  roll.hear(record("p.0", {}, 7), 0);
  assert.deepEqual([roll.holderOf(0), roll.revisionOf(0), roll.revisionOf(2)], [undefined, 7, 0]);
});

test("a forged record makes nobody live or hold, and is told; compare-and-set names it all the same", () => {
  const log = logBook();
  const roll = new Roll(log);
  roll.hear(record("p.1", { holder: "me" }, 1), 0);
  roll.hear(record("p.1", { holder: "thief" }, 2, true), 0);
  roll.hear(record("m.thief", { since: 1 }, 3, true), 0);
  assert.deepEqual([roll.holderOf(1), roll.revisionOf(1), roll.live.size], ["me", 2, 0]);
  assert.equal(log.said("error").length, 2);
});
