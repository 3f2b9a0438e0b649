/** What a webhook's receiver did not take: it waits in the book, or lies with the dead, also when the book is away or full. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aHook, eventOf, hour, status } from "../../test/harness/hook.ts";
import { Usurped } from "./store.ts";

test("given up at its time, not before: it lies with the dead, with what was answered last", async () => {
  const { give, quiet, pass, book, counts, calls, clock } = aHook(() => ({
    kind: "unreachable",
    why: "no route",
  }));
  const began = clock.now();
  give("e");
  await quiet();
  for (let hours = 0; hours < 23; hours++) await pass(hour);
  assert.equal(book.dead.size, 0);
  await pass(2 * hour);
  const dead = book.dead.get("e");
  assert.equal(dead?.why, "no route");
  assert.equal(dead?.attempts, calls.length);
  assert.ok((calls.at(-1)?.at ?? 0) - began >= 24 * hour, "the last attempt is at the end");
  assert.deepEqual([book.waiting.size, counts["buried"]], [0, 1]);
  assert.deepEqual(book.conditions, ["failing"]);
});

test("an event that is dead again lies once with the dead, as the youngest", async () => {
  const { quiet, hook } = aHook(() => status(410), { dead: ["a", "b"] });
  hook.recall({ event: eventOf("a"), attempts: 0, since: 1, next: 1, why: "sent again" });
  await quiet();
  assert.deepEqual(hook.dead, ["b", "a"]);
});

test("several answers 410 at once bury what waits once", async () => {
  let code = 200;
  const { give, quiet, pass, hook, counts } = aHook(() => status(code));
  give("a");
  await quiet();
  code = 410;
  const waiting = ["w1", "w2"].map((id) => ({
    event: eventOf(id),
    attempts: 1,
    since: 1,
    next: Number.MAX_VALUE,
    why: "",
  }));
  for (const one of waiting) hook.recall(one);
  give("b", "c", "d");
  await quiet();
  await pass(1_000);
  assert.deepEqual([[...hook.dead].sort(), counts["buried"]], [["b", "c", "d", "w1", "w2"], 5]);
});

test("the dead are bounded: the oldest go", async () => {
  const old = Array.from({ length: 1_000 }, (_, i) => `d${i}`);
  const { give, quiet, hook, counts } = aHook(() => status(410), { dead: old });
  give("new");
  await quiet();
  assert.deepEqual([hook.dead.length, hook.dead[0], hook.dead.at(-1)], [1_000, "d1", "new"]);
  assert.equal(counts["lost"], 1);
});

test("while the book is away nothing is done with; then it is", async () => {
  const { give, quiet, pass, done, book, calls } = aHook(() => status(500));
  book.fails = new Error("away");
  give("e");
  await quiet();
  await pass(10_000);
  assert.deepEqual([done, calls.length], [[], 1]);
  book.fails = undefined;
  await pass(1_000);
  assert.deepEqual([done, book.waiting.has("e")], [["e"], true]);
});

test("what the book has no room for is tried again all the same, and is done with only then", async () => {
  const { give, quiet, pass, done, book, calls, hook } = aHook((_, n) => status(n < 3 ? 500 : 200));
  book.isFull = true;
  give("e");
  await quiet();
  assert.deepEqual([done, hook.waiting], [[], 1]);
  await pass(5_000);
  assert.deepEqual([done, calls.length], [[], 2]);
  await pass(30_000);
  assert.deepEqual([done, calls.length, hook.waiting], [["e"], 3, 0]);
});

test("what found no room is done with once it finds some, or lies with the dead", async () => {
  const { give, quiet, pass, done, book } = aHook(() => status(500));
  book.isFull = true;
  give("e", "f");
  await quiet();
  book.isFull = false;
  await pass(6_000);
  assert.deepEqual([done.length, book.waiting.size], [1, 1], "one at a time: its receiver fails");
  book.isFull = true;
  for (let hours = 0; hours < 30; hours++) await pass(hour);
  assert.deepEqual(
    [done.sort(), [...book.dead.keys()].sort()],
    [
      ["e", "f"],
      ["e", "f"],
    ],
  );
});

test("who is usurped says so, and is done with nothing", async () => {
  const { give, quiet, done, book, usurped } = aHook(() => status(500));
  book.fails = new Usurped("another");
  give("e");
  await quiet();
  assert.deepEqual([done, usurped()], [[], 1]);
});

test("what is remembered is tried at its time, what somebody recalls at once, what comes twice once", async () => {
  const waiting = { event: eventOf("w"), attempts: 3, since: 0, next: 1_700_000_060_000, why: "x" };
  const { hook, give, quiet, pass, calls, done } = aHook(() => status(200), {
    waiting: new Map([["w", waiting]]),
  });
  hook.pump();
  await quiet();
  assert.equal(calls.length, 0);
  give("w");
  await quiet();
  assert.deepEqual([done, calls.length], [["w"], 0], "it waits already");
  await pass(60_000);
  hook.recall({ ...waiting, event: eventOf("r"), next: 0 });
  await quiet();
  assert.deepEqual(
    calls.map(({ id }) => id),
    ["w", "r"],
  );
});
