import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Rates } from "./rate.ts";

const perMinute = (count: number) => ({ count, perMs: 60_000 });

test("a burst of the whole count passes, the next event waits for one share", () => {
  const rates = new Rates();
  for (let i = 0; i < 6; i++) assert.equal(rates.take("a", perMinute(6), 0), 0);
  assert.equal(rates.take("a", perMinute(6), 0), 10_000);
  assert.equal(rates.take("a", perMinute(6), 9_999), 1);
  assert.equal(rates.take("a", perMinute(6), 10_000), 0);
});

test("keys do not share", () => {
  const rates = new Rates();
  assert.equal(rates.take("a", perMinute(1), 0), 0);
  assert.equal(rates.take("b", perMinute(1), 0), 0);
  assert.equal(rates.take("a", perMinute(1), 0), 60_000);
});

test("asking takes nothing", () => {
  const rates = new Rates();
  for (let i = 0; i < 10; i++) assert.equal(rates.wait("a", perMinute(1), 0), 0);
  assert.equal(rates.size, 0);
  assert.equal(rates.take("a", perMinute(1), 0), 0);
  assert.equal(rates.wait("a", perMinute(1), 1_000), 59_000);
});

test("memory is bounded: clean keys go first, then the oldest", () => {
  const rates = new Rates(10);
  for (let i = 0; i < 10; i++) rates.take(`old${i}`, perMinute(1), 0);
  rates.take("new", perMinute(1), 60_000);
  assert.equal(rates.size, 1, "the ten were clean again");
  for (let i = 0; i < 100; i++) rates.take(`flood${i}`, perMinute(1), 60_000);
  assert.ok(rates.size <= 10);
  assert.equal(rates.take("flood99", perMinute(1), 60_000), 60_000, "the newest is remembered");
});

test("who is used stays, whatever else comes", () => {
  const rates = new Rates(10);
  for (let i = 0; i < 100; i++) {
    rates.take("user", perMinute(1_000), 0);
    rates.take(`flood${i}`, perMinute(1), 0);
  }
  assert.equal(Math.round(rates.count("user", perMinute(1_000), 0)), 100);
});

test("what one takes the other owes: two that tell each other are one", () => {
  const [here, there] = [new Rates(), new Rates()];
  here.told = (key, ms) => there.owe(key, ms, 0);
  there.told = (key, ms) => here.owe(key, ms, 0);
  for (let i = 0; i < 3; i++) {
    assert.equal(here.take("a", perMinute(6), 0), 0);
    assert.equal(there.take("a", perMinute(6), 0), 0);
  }
  assert.equal(here.take("a", perMinute(6), 0), 10_000);
  assert.equal(there.take("a", perMinute(6), 4_000), 6_000);
});

test("who comes later learns how things are, once however often it is told", () => {
  const [old, young] = [new Rates(), new Rates()];
  for (let i = 0; i < 6; i++) old.take("a", perMinute(6), 0);
  old.take("gone", perMinute(6), -60_000);
  assert.deepEqual(old.owed(0, 9), [["a", 60_000]]);
  assert.deepEqual(old.owed(60_000, 9), []);
  for (let i = 0; i < 2; i++) for (const [key, ms] of old.owed(0, 9)) young.atLeast(key, ms, 0);
  assert.equal(young.take("a", perMinute(6), 0), 10_000);
  assert.equal(young.count("a", perMinute(6), 30_000), 3);
});

test("no slate is set back for ever, whatever others say", () => {
  const rates = new Rates();
  rates.owe("a", 1e15, 0);
  assert.equal(rates.wait("a", perMinute(1), 7_200_000), 0);
});

test("property: no window of perMs ever holds more than twice the count, and waiting as told is always enough", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), gaps, (count, steps) => {
      const rates = new Rates();
      const rate = { count, perMs: 1_000 };
      const taken: number[] = [];
      let now = 0;
      for (const step of steps) {
        now += step;
        const wait = rates.take("k", rate, now);
        if (wait > 0) {
          now += Math.ceil(wait);
          assert.equal(rates.take("k", rate, now), 0);
        }
        taken.push(now);
      }
      for (const start of taken) {
        const inWindow = taken.filter((at) => at >= start && at < start + rate.perMs).length;
        assert.ok(inWindow <= 2 * count, `${inWindow} in one window of ${count}`);
      }
    }),
  );
});
