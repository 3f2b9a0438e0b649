import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Alarms } from "./alarms.ts";

const settled = async () => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
};

test("whatever is set, moved and removed: each rings once, at its last time, in order", async () => {
  const step = fc.record({
    key: fc.nat(20),
    at: fc.integer({ min: 1, max: 50 }).map((n) => n * 10),
    remove: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
      const clock = new FakeClock(0);
      const rung: [string, number][] = [];
      using alarms = new Alarms(clock, (key) => rung.push([key, clock.monotonic()]));
      const want = new Map<string, number>();
      for (const { key, at, remove } of steps) {
        if (remove) {
          assert.equal(alarms.delete(String(key)), want.delete(String(key)));
        } else {
          alarms.set(String(key), at);
          want.set(String(key), at);
        }
      }
      assert.equal(alarms.size, want.size);
      for (let now = 10; now <= 510; now += 10) {
        clock.advance(10);
        await settled();
      }
      assert.deepEqual(new Map(rung), want);
      assert.equal(rung.length, want.size);
      const order = rung.map(([key]) => want.get(key) ?? 0);
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 40 },
  );
});

test("one sleeper serves all keys, and none is left at the end", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock, () => {});
  for (let i = 0; i < 10_000; i++) alarms.set(`k${i}`, clock.monotonic() + 10_000 - i);
  await settled();
  assert.equal(clock.asleep, 1);
  alarms[Symbol.dispose]();
  await settled();
  assert.equal(clock.asleep, 0);
});

test("a key that is moved a million times does not fill the memory", () => {
  const clock = new FakeClock();
  using alarms = new Alarms(clock, () => {});
  for (let i = 0; i < 1_000_000; i++) alarms.set("a", clock.monotonic() + 1_000_000_000 + i);
  assert.equal(alarms.size, 1);
  assert.equal(alarms.due("a"), clock.monotonic() + 1_000_999_999);
});
