/** One webhook: what it does with answers, failures and 410. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aHook, entry, eventOf, hour, status } from "../../test/harness/hook.ts";
import type { Answer, Call } from "./answer.ts";
import { fingerprint } from "./receiver.ts";

test("taken: done with, and nothing is written", async () => {
  const { give, quiet, done, book, counts, most } = aHook(() => status(204));
  give(...Array.from({ length: 20 }, (_, i) => `e${i}`));
  await quiet();
  assert.equal(done.length, 20);
  assert.deepEqual([book.waiting.size, counts, most()], [0, { taken: 20 }, 8]);
});

test("failed: done with once it lies in the book; tried again at its time, with the same id", async () => {
  const { give, quiet, pass, done, book, calls } = aHook((_, n) => status(n < 3 ? 500 : 200));
  give("e");
  await quiet();
  assert.deepEqual(done, ["e"]);
  assert.deepEqual([book.waiting.get("e")?.attempts, book.waiting.get("e")?.why], [1, "answered 500"]);
  await pass(4_999);
  assert.equal(calls.length, 1);
  await pass(1);
  assert.equal(calls.length, 2);
  await pass(30_000);
  assert.deepEqual(
    calls.map(({ id }) => id),
    ["e", "e", "e"],
  );
  assert.equal(book.waiting.size, 0);
});

test("an event that fails holds up no other", async () => {
  const { give, quiet, done, book } = aHook(({ headers }) =>
    status(headers["webhook-id"] === "bad" ? 422 : 200),
  );
  give("bad", "a", "b", "c");
  await quiet();
  assert.deepEqual(done.sort(), ["a", "b", "bad", "c"]);
  assert.deepEqual([...book.waiting.keys()], ["bad"]);
});

test("a receiver that fails is asked now and then, and what waits for it is bounded", async () => {
  const all = aHook(() => status(503));
  all.give(...Array.from({ length: 300 }, (_, i) => `e${i}`));
  for (let i = 0; i < 400; i++) await all.pass(300_000);
  assert.ok(all.book.waiting.size <= 108, `${all.book.waiting.size} wait`);
  assert.ok(all.calls.length < 1_000, `${all.calls.length} calls in 33 hours`);
});

test("Retry-After is kept to by the whole hook", async () => {
  const { give, quiet, pass, calls } = aHook((_, n) => (n === 1 ? status(429, "120") : status(200)));
  give("e");
  await quiet();
  give("f");
  await pass(119_000);
  assert.equal(calls.length, 1);
  await pass(2_000);
  assert.deepEqual(calls.map(({ id }) => id).sort(), ["e", "e", "f"]);
});

test("410 ends the hook: all that waits is dead, nothing more is sent", async () => {
  let code = 500;
  const { give, quiet, hook, book, calls, pass } = aHook(() => status(code));
  give("a");
  await quiet();
  code = 410;
  give("b");
  await pass(1_000);
  assert.deepEqual([...book.dead.keys()].sort(), ["a", "b"]);
  assert.deepEqual([hook.condition, hook.goneAs], ["gone", fingerprint(entry)]);
  const { length } = calls;
  give("c");
  await pass(48 * hour);
  assert.equal(calls.length, length);
});

test("what somebody recalls is sent at once, also while the receiver is left alone", async () => {
  let isMended = false;
  const { hook, give, quiet, pass, calls } = aHook(() => status(isMended ? 204 : 500));
  give("a", "b", "c");
  for (let i = 0; i < 40; i++) await pass(60_000);
  const before = calls.length;
  isMended = true;
  hook.recall({ event: eventOf("a"), attempts: 9, since: 1, next: 1, why: "answered 500" });
  await quiet();
  assert.deepEqual([calls.length > before, calls[before]?.id], [true, "a"]);
});

test("without a secret nothing is sent; with one, everything", async () => {
  const { hook, give, quiet, calls, book } = aHook(() => status(200));
  hook.update({ ...entry, keys: [] });
  give("e");
  await quiet();
  assert.deepEqual([calls.length, hook.condition], [0, "failing"]);
  hook.update(entry);
  await quiet();
  assert.deepEqual([calls.length, hook.condition], [1, "well"]);
  assert.deepEqual(book.conditions, ["failing", "well"], "whoever looks is told, once each");
});

test("one that is disposed of stops what is under way, and is done with none of it", async () => {
  const stopped = (_: Call, __: number, signal: AbortSignal) =>
    new Promise<Answer>((resolve) => {
      signal.addEventListener("abort", () => resolve({ kind: "unreachable", why: "stopped" }));
    });
  const { hook, give, quiet, done, book, counts } = aHook(stopped);
  give("e");
  await quiet();
  await hook[Symbol.asyncDispose]();
  assert.deepEqual([done, book.waiting.size, counts], [[], 0, {}]);
});
