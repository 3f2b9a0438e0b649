import assert from "node:assert/strict";
import { test } from "node:test";
import { mustSpeakTruly, stranded } from "./healing.ts";
import type { Sent } from "./ledger.ts";
import { afterLease } from "./partitions.ts";

const relay = { address: "10.0.0.1", enter: [] };
const copy = (from: string, at: number) => ({ id: "m", address: "a@b.test", from, at });

test("what a relay delivered without a lease is found: after the lease's end, before the healing, by itself", () => {
  const span = { from: 1_000, to: 60_000 };
  const copies = [
    copy("10.0.0.1", 30_999),
    copy("10.0.0.1", 31_001),
    copy("10.0.0.2", 40_000),
    copy("10.0.0.1", 60_001),
  ];
  assert.deepEqual(afterLease(copies, relay, span), [copies[1]]);
});

const message = (id: string, over: Partial<Sent>): [string, Sent] => [
  id,
  { id, expected: [{ address: `${id}@b.test`, fate: "sink" }], begun: 0, ...over },
];

test("messages wait for a next hop when they were accepted in time and nothing of them came", () => {
  const sent = new Map([
    message("came", { told: { kind: "accepted" }, at: 10 }),
    message("waits", { told: { kind: "accepted" }, at: 20 }),
    message("later", { told: { kind: "accepted" }, at: 30 }),
    message("refused", { told: { kind: "refused", reply: "451", complete: true }, at: 10 }),
  ]);
  const copies = [{ id: "came", address: "came@b.test", at: 11 }];
  assert.deepEqual(stranded({ sent, copies }, 20), ["waits"]);
});

test("a 250 while the store was away, and a refusal for good, are both found", () => {
  const one = (over: Partial<Sent>) => ({ sent: new Map([message("m", over)]) });
  const refused = (reply: string) => one({ told: { kind: "refused", reply, complete: true }, at: 500 });
  mustSpeakTruly(one({ told: { kind: "accepted" }, at: 200 }), 0, 1_000);
  mustSpeakTruly(refused("451 4.3.0 Come again"), 0, 1_000);
  assert.throws(() => mustSpeakTruly(one({ told: { kind: "accepted" }, at: 500 }), 0, 1_000), /acknowledged/);
  assert.throws(() => mustSpeakTruly(refused("550 5.1.1 No"), 0, 1_000), /another answer/);
});
