import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { FilterHealth } from "./health.ts";

const away = new Error("connect ECONNREFUSED 192.0.2.1:7357");

test("a filter is told of from its third failure in a row on, until it answers", () => {
  const health = new FilterHealth(new FakeClock());
  let told = 0;
  health.onChange(() => told++);
  health.failed("clamav", away);
  health.failed("clamav", away);
  health.answered("clamav");
  for (let i = 0; i < 2; i++) health.failed("clamav", away);
  assert.deepEqual([health.failing, told], [[], 0]);
  health.failed("clamav", away);
  health.failed("clamav", new Error("another reason"));
  assert.deepEqual(health.failing, [{ filter: "clamav", why: away.message }]);
  assert.equal(told, 1);
  health.answered("clamav");
  health.answered("clamav");
  assert.deepEqual([health.failing, told], [[], 2]);
});

test("what nobody asks any more is not spoken of", () => {
  const clock = new FakeClock();
  const health = new FilterHealth(clock);
  for (let i = 0; i < 3; i++) health.failed("rspamd", away);
  clock.advance(30 * 60_000);
  assert.equal(health.failing.length, 1);
  clock.advance(1);
  assert.deepEqual(health.failing, []);
});

test("what is told is bounded", () => {
  const health = new FilterHealth(new FakeClock());
  for (let n = 0; n < 30; n++)
    for (let i = 0; i < 3; i++) health.failed(`f${String(n).padStart(2, "0")}`, new Error("x".repeat(1_000)));
  assert.equal(health.failing.length, 20);
  assert.ok(JSON.stringify(health.failing).length < 6_000);
});
