import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Guard, type LoginEvent } from "./guard.ts";

const key = Buffer.alloc(32, 9);
const minute = 60_000;

function open(limits = {}) {
  const time = { now: 1_000_000 };
  const guard = new Guard(key, () => time.now, limits);
  const told: LoginEvent[] = [];
  guard.tell = (event) => void told.push(event);
  return { guard, time, told };
}

test("names count in any case, and neither names nor networks are told", () => {
  const { guard, told } = open();
  const place = guard.place("Alice@example.test", "192.0.2.1");
  assert.deepEqual(place, guard.place("alice@EXAMPLE.test", "192.0.2.1"));
  guard.failed(place);
  assert.match(told[0]?.account ?? "", /^[A-Za-z0-9_-]{16}$/);
  assert.notEqual(told[0]?.account, told[0]?.network);
  assert.doesNotMatch(JSON.stringify(told), /alice|192/i);
});

test("what another pod tells counts like one's own", () => {
  const here = open();
  const there = open();
  here.guard.tell = (event) => there.guard.hear(event);
  there.guard.tell = (event) => here.guard.hear(event);
  const place = here.guard.place("alice@example.test", "192.0.2.1");
  for (let i = 0; i < 29; i++) (i % 2 === 0 ? here : there).guard.failed(place);
  assert.equal(there.guard.locked({ ...place, account: "other" }), false);
  assert.equal(here.guard.failed(place), true);
  assert.equal(there.guard.locked({ ...place, account: "other" }), true);
  assert.equal(here.guard.delayMs(place), there.guard.delayMs(place));
});

test("a lock-out ends a quarter of an hour after the last failure that counted", () => {
  const { guard, time } = open();
  const place = guard.place("alice@example.test", "192.0.2.1");
  for (let i = 0; i < 20; i++) guard.failed(place);
  time.now += 15 * minute - 1;
  assert.equal(guard.locked(place), true);
  time.now += 1;
  assert.equal(guard.locked(place), false);
  assert.equal(guard.delayMs(place), 0);
  guard.failed(place);
  assert.equal(guard.delayMs(place), 0, "the count begins anew");
});

test("an account's own network is told to others now and then, and ends after a day", () => {
  const { guard, time, told } = open();
  const home = guard.place("alice@example.test", "192.0.2.1");
  for (let i = 0; i < 5; i++) guard.entered(home);
  assert.equal(told.length, 1);
  for (let i = 0; i < 20; i++) guard.failed({ ...home, network: `n${i}` });
  assert.equal(guard.locked(home), false);
  assert.equal(guard.locked({ ...home, network: "n0" }), true);
  time.now += 24 * 60 * minute;
  for (let i = 0; i < 20; i++) guard.failed({ ...home, network: `n${i}` });
  assert.equal(guard.locked(home), true);
});

test("what is remembered is bounded, and a clock that is ahead does not make it last", () => {
  const { guard, time } = open({ remembered: 10 });
  for (let i = 0; i < 100; i++) guard.failed({ account: `a${i}`, network: `n${i}` });
  assert.equal(guard.delayMs({ account: "a0", network: "n0" }), 0);
  const ahead = open();
  const place = { account: "a", network: "n" };
  for (let i = 0; i < 40; i++)
    ahead.guard.hear({ kind: "failed", ...place, at: ahead.time.now + 1_000 * minute });
  assert.equal(ahead.guard.locked(place), true);
  ahead.time.now += 15 * minute;
  assert.equal(ahead.guard.locked(place), false);
  time.now += 1;
});

test("the delay never shrinks while failures come, whatever their order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 30_000 }))),
      (steps) => {
        const { guard, time } = open({ forgetMs: Number.POSITIVE_INFINITY });
        const place = { account: "a", network: "n" };
        let before = 0;
        for (const [who, pause] of steps) {
          time.now += pause;
          guard.failed(who === 0 ? place : { account: who === 1 ? "a" : "b", network: "n" });
          const delay = guard.delayMs(place);
          assert.ok(delay >= before && delay <= 16_000);
          before = delay;
        }
      },
    ),
  );
});
