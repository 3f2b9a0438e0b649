import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { abandonable, late, within } from "./within.ts";

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

test("work in time gives its result and leaves no timer and no listener", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  assert.equal(await within(clock, 10, signal, async () => "done"), "done");
  assert.equal(clock.asleep, 0);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("work that takes too long is told so", async (t) => {
  const clock = new FakeClock();
  let stopped = false;
  const result = within(clock, 10, t.signal, (signal) => {
    signal.addEventListener("abort", () => {
      stopped = true;
    });
    return never(signal);
  });
  clock.advance(9);
  assert.equal(stopped, false);
  clock.advance(1);
  assert.equal(await result, late);
  assert.equal(stopped, true);
});

test("the caller's signal ends the work with its reason", async () => {
  const caller = new AbortController();
  const result = within(new FakeClock(), 10, caller.signal, never);
  caller.abort(new Error("shutting down"));
  await assert.rejects(result, /shutting down/);
  await assert.rejects(within(new FakeClock(), 10, caller.signal, never), /shutting down/);
});

test("the work's own failure passes through", async (t) => {
  const fails = () => Promise.reject(new Error("port unreachable"));
  await assert.rejects(within(new FakeClock(), 10, t.signal, fails), /port unreachable/);
});

test("who abandons shared work does not stop it for others", async () => {
  const shared = Promise.withResolvers<string>();
  const impatient = new AbortController();
  const first = abandonable(shared.promise, impatient.signal);
  const { signal } = new AbortController();
  const second = abandonable(shared.promise, signal);
  impatient.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  shared.resolve("answer");
  assert.equal(await second, "answer");
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
