import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";

/** A clock that moves when told to. */
function handClock() {
  let now = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ at: now + ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
  const to = async (at: number) => {
    now = at;
    const due = sleepers.filter((s) => s.at <= at);
    sleepers = sleepers.filter((s) => s.at > at);
    for (const s of due) s.wake();
    await turn();
  };
  return { clock, to, sleeping: () => sleepers.length };
}

test("those who leave in time hear nothing, the others are called once, in order", async () => {
  const { clock, to } = handClock();
  using deadlines = new Deadlines(20, clock);
  const late: string[] = [];
  deadlines.enter(() => late.push("a"));
  const b = deadlines.enter(() => late.push("b"));
  await to(10);
  deadlines.enter(() => late.push("c"));
  deadlines.leave(b);
  await to(19);
  assert.deepEqual(late, []);
  await to(20);
  assert.deepEqual(late, ["a"]);
  await to(30);
  assert.deepEqual(late, ["a", "c"]);
  await to(100);
  assert.deepEqual(late, ["a", "c"]);
});

test("many tasks share one sleeper, and a new one starts after an idle time", async () => {
  const { clock, to, sleeping } = handClock();
  using deadlines = new Deadlines(20, clock);
  for (let i = 0; i < 100; i++) deadlines.leave(deadlines.enter(() => assert.fail("left in time")));
  assert.equal(sleeping(), 1);
  await to(20);
  assert.equal(sleeping(), 0);
  let called = false;
  deadlines.enter(() => {
    called = true;
  });
  await to(40);
  assert.equal(called, true);
});

test("disposing ends the sleeper and calls nobody", async () => {
  const { clock, to } = handClock();
  const deadlines = new Deadlines(20, clock);
  deadlines.enter(() => assert.fail("disposed"));
  deadlines[Symbol.dispose]();
  await to(50);
});
