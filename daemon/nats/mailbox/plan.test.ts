import assert from "node:assert/strict";
import { test } from "node:test";
import { bob, calm, delivery } from "../../../test/harness/mailboxes.ts";
import { emptyLedger } from "../../mailbox/ledger.ts";
import type { Delivery } from "../../mailbox/store.ts";
import type { Claim } from "./bodies.ts";
import { Lane, type Pending } from "./lane.ts";
import { planGroup } from "./plan.ts";
import { decodeLedger, decodeRecord } from "./records.ts";
import { deliverySubject } from "./subjects.ts";

function pending(text: string, over: Partial<Delivery> = {}, claim?: Claim): Pending {
  const given = delivery(text, { prefix: "P\r\n", ...over });
  return {
    delivery: given,
    size: given.size + given.prefix.length,
    mark: deliverySubject(0, given.bodyId, bob, given.deliveryId),
    claim: claim ?? { kind: "carried", octets: Buffer.from(text), head: Buffer.from("{}") },
    signal: calm,
    filed: () => {},
    failed: () => {},
  };
}

const target = { shard: 0, mailbox: bob, held: { ledger: emptyLedger, sequence: 40 }, now: 9_000 };
const box = "bob@example=2Eorg";

test("a group is one unit: marks, records, carried bodies, and the ledger last", () => {
  const one = pending("one", { bodyId: "b1", deliveryId: "d1", flags: ["\\Seen"] });
  const two = pending("two", { bodyId: "b2", deliveryId: "d2" }, { kind: "relied", head: 17 });
  const none = pending("", { bodyId: "b3", deliveryId: "d3" }, { kind: "empty" });
  const { entries, placed, refused, after } = planGroup(target, [one, two, none]);
  assert.deepEqual(
    entries.map(({ data, ...rest }) => rest),
    [
      { subject: `m0.d.b1.${box}.d1`, expect: 0 },
      { subject: `m0.r.${box}.1.1`, expect: 0 },
      { subject: "m0.h.b1" },
      { subject: "m0.b.b1.0" },
      { subject: `m0.d.b2.${box}.d2`, expect: 0 },
      { subject: `m0.r.${box}.1.2`, expect: 17, on: "m0.h.b2" },
      { subject: `m0.d.b3.${box}.d3`, expect: 0 },
      { subject: `m0.r.${box}.1.3`, expect: 0 },
      { subject: `m0.m.${box}`, expect: 40 },
    ],
  );
  assert.deepEqual(
    placed.map(({ uid, headEntry }) => [uid, headEntry]),
    [
      [1, 2],
      [2, undefined],
      [3, undefined],
    ],
  );
  assert.equal(refused.length, 0);
  assert.deepEqual(decodeLedger(entries.at(-1)?.data ?? Buffer.alloc(0)), after);
  assert.deepEqual(decodeRecord(entries[1]?.data ?? Buffer.alloc(0)), {
    flags: ["\\Seen"],
    internalDate: 1_700_000_000_000,
    saveDate: 1_700_000_000_000,
    size: 6,
    modseq: 2,
    prefix: "P\r\n",
    bodyId: "b1",
    chunks: 1,
    deliveryId: "d1",
  });
});

test("whom the quota refuses leaves no entry, and takes no UID", () => {
  const quota = { bytes: 12 };
  const group = ["12345", "123456789", "1"].map((text) => pending(text, { quota }));
  const { entries, placed, refused } = planGroup(target, group);
  assert.deepEqual(
    placed.map((p) => p.uid),
    [1, 2],
  );
  assert.equal(refused[0]?.pending, group[1]);
  assert.deepEqual([refused[0]?.used, refused[0]?.limit], [8, 12]);
  assert.equal(entries.length, 9);
});

test("a group that is refused wholly writes nothing, not even a ledger", () => {
  const { entries } = planGroup(target, [pending("x", { quota: { bytes: 0 } })]);
  assert.deepEqual(entries, []);
});

test("a lane gives the oldest first, as many as one batch may hold", () => {
  const lane = new Lane();
  const all = Array.from({ length: 250 }, (_, i) => pending(`${i}`));
  for (const each of all) lane.add(each);
  const groups = [lane.take(), lane.take(), lane.take()];
  assert.deepEqual(
    groups.map((group) => group.length),
    [100, 100, 50],
  );
  assert.deepEqual(groups.flat(), all);
  assert.ok(lane.empty);
});

test("a lane bounds the octets of a group, but lets a large one through alone", () => {
  const lane = new Lane();
  const octets = Buffer.alloc(1 << 20);
  for (let i = 0; i < 5; i++)
    lane.add(pending("", {}, { kind: "carried", octets, head: octets.subarray(0, 9) }));
  lane.add(pending("", {}, { kind: "carried", octets: Buffer.alloc(3 << 20), head: Buffer.alloc(9) }));
  lane.add(pending("x"));
  const sizes: number[] = [];
  while (!lane.empty) sizes.push(lane.take().length);
  assert.deepEqual(sizes, [2, 2, 1, 1, 1]);
});

test("the same delivery twice is not in one group", () => {
  const lane = new Lane();
  const same = { bodyId: "b", deliveryId: "d" };
  for (const text of ["1", "2", "3"]) lane.add(pending(text, text === "2" ? {} : same));
  assert.deepEqual([lane.take().length, lane.take().length], [2, 1]);
});
