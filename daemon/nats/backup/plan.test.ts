import assert from "node:assert/strict";
import { test } from "node:test";
import { isSaved, secondsOf, timeLeft, toBeRestored, toBeSaved } from "./plan.ts";

const named = (names: readonly string[]) => names.map((name) => ({ name, storage: "file" }));
const namesOf = (streams: readonly { readonly name: string }[]) => streams.map(({ name }) => name);
const all = ["B0", "B1", "EVENTS", "KV_directory", "M-team", "M0", "OWN", "Q0", "Q1"];

test("the queue is saved before the mailboxes that it goes into, and its bodies come last", () => {
  assert.deepEqual(namesOf(toBeSaved(named(all))), [
    ...["Q0", "Q1", "M-team", "M0"],
    ...["EVENTS", "KV_directory", "OWN", "B0", "B1"],
  ]);
});

test("bodies are restored before the queue, which comes last", () => {
  const order = namesOf(toBeRestored(named(all)));
  assert.deepEqual(order.slice(0, 2), ["B0", "B1"]);
  assert.deepEqual(order.slice(-2), ["Q0", "Q1"]);
});

test("what lies in memory is not saved", () => {
  assert.deepEqual(toBeSaved([{ name: "KV_acks", storage: "memory" }]), []);
});

test("leases are not saved, and what lies beside them is", () => {
  assert.equal(isSaved("own._.local-_.m.x"), false);
  assert.equal(isSaved("own._.layout"), true);
  assert.equal(isSaved("own.shop.relay-default.p.7"), false);
  assert.equal(isSaved("own.shop.suspended.default"), true);
  assert.equal(isSaved("own.shop.suspended.default.c2l0ZQ"), true);
  assert.equal(isSaved("own.shop.hooks.lease._"), false);
  assert.equal(isSaved("hooks.shop._.lease._"), false, "as a version before wrote it");
  assert.equal(isSaved("hooks.shop.policy:default:crm.place._"), false);
  assert.equal(isSaved("hookdead.shop.policy:default:crm.dead.evt_1"), true);
  assert.equal(isSaved("hookwait.shop.policy:default:crm.waiting.evt_1"), true);
  assert.equal(isSaved("q0.relay.shop.default.7.m.1"), true);
});

test("a record's time goes on while it lies in a copy", () => {
  assert.equal(timeLeft({ time: 0 }, 1e12), undefined);
  assert.equal(timeLeft({ ttl: 60, time: 1_000 }, 31_000), 30);
  assert.equal(timeLeft({ ttl: 60, time: 1_000 }, 61_000), 0);
  assert.equal(timeLeft({ ttl: 60, time: 1_000 }, 1e9), 0);
});

test("times as NATS writes them", () => {
  const table = { "600s": 600, "10m": 600, "2h": 7_200, "7": 7, never: undefined, "": undefined } as const;
  for (const [text, seconds] of Object.entries(table)) assert.equal(secondsOf(text), seconds, text);
  assert.equal(secondsOf(undefined), undefined);
});
