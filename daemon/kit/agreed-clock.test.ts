import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AgreedClock } from "./agreed-clock.ts";
import type { Clock } from "./clock.ts";

const HOUR = 3_600_000;

/** A machine whose wall clock can be set. */
function machine(wall = 1_000_000_000_000) {
  let passed = 0;
  let set = 0;
  const clock: Clock = { now: () => wall + passed + set, monotonic: () => passed, sleep: async () => {} };
  return {
    clock,
    truth: () => wall + passed,
    pass: (ms: number) => {
      passed += ms;
    },
    jump: (ms: number) => {
      set += ms;
    },
  };
}

test("a clock that was never compared is the machine's", () => {
  const { clock, jump } = machine();
  const agreed = new AgreedClock(clock);
  jump(HOUR);
  assert.equal(agreed.now(), clock.now());
});

test("a jump that the other clock has not seen is not followed, forth or back, and time goes on", () => {
  for (const ms of [3 * HOUR, -3 * HOUR, 31_000, -31_000]) {
    const { clock, truth, pass, jump } = machine();
    const agreed = new AgreedClock(clock);
    assert.deepEqual(agreed.compare(truth()), { kind: "agreed", aheadMs: 0 });
    jump(ms);
    assert.equal(agreed.now(), truth(), `${ms}, before the next comparison`);
    assert.deepEqual(agreed.compare(truth()), { kind: "differs", aheadMs: ms });
    pass(10_000);
    assert.equal(agreed.now(), truth());
    jump(-ms);
    assert.deepEqual(agreed.compare(truth()), { kind: "agreed", aheadMs: 0 });
    assert.equal(agreed.now(), clock.now());
  }
});

test("the other clock's jump is not followed either", () => {
  const { clock, truth, pass } = machine();
  const agreed = new AgreedClock(clock);
  agreed.compare(truth());
  pass(5_000);
  assert.equal(agreed.compare(truth() + 3 * HOUR).kind, "differs");
  assert.equal(agreed.now(), truth());
});

test("a jump of both is followed when they are compared: a machine that was suspended", () => {
  const { clock, truth, jump } = machine();
  const agreed = new AgreedClock(clock);
  agreed.compare(truth());
  jump(HOUR);
  assert.equal(agreed.now(), truth());
  assert.equal(agreed.compare(truth() + HOUR).kind, "agreed");
  assert.equal(agreed.now(), truth() + HOUR);
});

test("clocks that differ from the beginning: the other one counts, which others are compared with too", () => {
  for (const ms of [HOUR, -HOUR]) {
    const { clock, truth } = machine();
    const agreed = new AgreedClock(clock);
    assert.equal(agreed.compare(truth() + ms).kind, "differs");
    assert.equal(agreed.now(), truth() + ms);
  }
});

test("a clock that is disciplined is followed at once; and agreed time never jumps by itself", () => {
  const { clock, truth, pass, jump } = machine();
  const agreed = new AgreedClock(clock);
  agreed.compare(truth());
  let last = agreed.now();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: -900, max: 900 }), (ms, slew) => {
      pass(ms);
      jump(slew);
      const now = agreed.now();
      assert.equal(now, clock.now());
      assert.equal(now - last, ms + slew);
      last = now;
    }),
  );
});
