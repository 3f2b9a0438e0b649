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
