import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { FilterHealth } from "./health.ts";

test("a filter is told of from its third failure in a row on, until it answers", () => {
  const health = new FilterHealth(new FakeClock());
  let told = 0;
  health.onChange(() => told++);
  health.failed("clamav");
  health.failed("clamav");
  health.answered("clamav");
  for (let i = 0; i < 2; i++) health.failed("clamav");
  assert.deepEqual([health.failing, told], [[], 0]);
  for (let i = 0; i < 2; i++) health.failed("clamav");
  assert.deepEqual([health.failing, told], [["clamav"], 1]);
  health.answered("clamav");
  health.answered("clamav");
  assert.deepEqual([health.failing, told], [[], 2]);
});

test("what nobody asks any more is not spoken of", () => {
  const clock = new FakeClock();
  const health = new FilterHealth(clock);
  for (let i = 0; i < 3; i++) health.failed("rspamd");
  clock.advance(30 * 60_000);
  assert.deepEqual(health.failing, ["rspamd"]);
  clock.advance(1);
  assert.deepEqual(health.failing, []);
});

test("what is told is bounded", () => {
  const health = new FilterHealth(new FakeClock());
  for (let n = 0; n < 30; n++) for (let i = 0; i < 3; i++) health.failed(`f${n}`);
  assert.equal(health.failing.length, 20);
});
