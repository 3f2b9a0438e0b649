import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pace } from "./pace.ts";

test("a slow rate is spread evenly", () => {
  const pace = new Pace();
  assert.equal(pace.wait(10, 0), 0);
  pace.count(10, 0);
  assert.equal(pace.wait(10, 0), 6_000);
  assert.equal(pace.wait(10, 5_999), 1);
  assert.equal(pace.wait(10, 6_000), 0);
  assert.equal(pace.isClean(5_999), false);
  assert.equal(pace.isClean(6_000), true);
});

test("a fast rate has the slack of a second", () => {
  const pace = new Pace();
  let burst = 0;
  for (; pace.wait(600, 0) === 0; burst++) pace.count(600, 0);
  assert.equal(burst, 10);
});

test("what goes before its time makes the next wait the longer", () => {
  const pace = new Pace();
  for (let n = 0; n < 5; n++) pace.count(60, 0);
  assert.equal(pace.wait(60, 0), 5_000);
});

test("property: never more than the rate in any minute, and nearly the rate when there is enough to send", () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 200, maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), pauses, (perMinute, steps) => {
      const pace = new Pace();
      const sent: number[] = [];
      let now = 1_700_000_000_000;
      for (const step of steps) {
        now += step;
        for (; pace.wait(perMinute, now) === 0; sent.push(now)) pace.count(perMinute, now);
      }
      let first = 0;
      sent.forEach((at, index) => {
        while (at - (sent[first] ?? at) >= 60_000) first++;
        assert.ok(index - first + 1 <= perMinute, `${index - first + 1} in a minute, ${perMinute} allowed`);
      });
      const minutes = steps.reduce((a, b) => a + b, 0) / 60_000;
      // Looked at up to 400 ms late: what a second's slack makes up for, and one message's spacing does not.
      const share = perMinute > 60 ? 0.9 : 0.7;
      assert.ok(sent.length >= Math.floor(perMinute * minutes * share) - 1, `${sent.length} sent`);
    }),
    { numRuns: 60 },
  );
});

test("property: after the wait that was told, one more may go", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.nat(300),
      fc.nat(10_000),
      (perMinute, count, later) => {
        const pace = new Pace();
        const now = 1_700_000_000_000;
        for (let n = 0; n < count; n++) pace.count(perMinute, now);
        const then = now + later;
        assert.equal(pace.wait(perMinute, then + pace.wait(perMinute, then)), 0);
      },
    ),
  );
});
