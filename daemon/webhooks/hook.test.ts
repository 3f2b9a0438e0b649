/** One webhook: what it does with answers, failures, 410, and a book that is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { HookEntry } from "../directory/hooks.ts";
import { silent } from "../kit/log.ts";
import { Slots } from "../kit/slots.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import type { Answer } from "./answer.ts";
import { type Call, fingerprint, Hook } from "./hook.ts";
import type { Intake, Item } from "./intake.ts";
import { type Condition, type Dead, type HookBook, type Remembered, Usurped, type Waiting } from "./store.ts";

const hour = 3_600_000;
const eventOf = (id: string): MessageEvent =>
  ({
    version: 1,
    id,
    type: "message.bounced",
    timestamp: new Date(1_700_000_000_000).toISOString(),
    data: { message: "m" },
  }) as never;
const entry: HookEntry = {
  namespace: "default",
  id: "policy:default:crm",
  scope: { kind: "RelayPolicy", policy: "default/default" as never },
  url: "https://hooks.example/x?token=hidden",
  keys: [Buffer.alloc(32, 1)],
  kinds: new Set(),
  giveUpAfterMs: 24 * hour,
};

class Book implements HookBook {
  readonly waiting = new Map<string, Waiting>();
  readonly dead = new Map<string, Dead>();
  readonly conditions: Condition["is"][] = [];
  fails: Error | undefined;
  isFull = false;

  #check(): void {
    if (this.fails) throw this.fails;
  }
  async setPlace(): Promise<void> {}
  async setCondition(_: string, { is }: Condition): Promise<void> {
    this.conditions.push(is);
  }
  async putWaiting(_: string, waiting: Waiting): Promise<boolean> {
    this.#check();
    if (this.isFull) return false;
    this.waiting.set(waiting.event.id, waiting);
    return true;
  }
  async removeWaiting(_: string, id: string): Promise<void> {
    this.#check();
    this.waiting.delete(id);
  }
  async bury(_: string, dead: Dead, tooMany: readonly string[]): Promise<number> {
    this.#check();
    this.dead.set(dead.event.id, dead);
    this.waiting.delete(dead.event.id);
    for (const id of tooMany) this.dead.delete(id);
    return tooMany.length;
  }
}

type AnswerBy = (call: Call, n: number, signal: AbortSignal) => Answer | Promise<Answer>;

function setup(answer: AnswerBy, remembered?: Partial<Remembered>) {
  const clock = new FakeClock();
  const book = new Book();
  const items: Item[] = [];
  const done: string[] = [];
  const intake = {
    oldest: undefined,
    take: () => items.shift(),
    done: ({ event }: Item) => void done.push(event.id),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as Intake;
  const calls: { id: string; at: number }[] = [];
  const counts: Record<string, number> = {};
  let usurped = 0;
  let underWay = 0;
  let most = 0;
  const hook = new Hook(entry, intake, remembered && { waiting: new Map(), dead: [], ...remembered }, {
    book,
    clock,
    chance: () => 0.5,
    log: silent,
    calls: new Slots(100),
    counted: (result) => {
      counts[result] = (counts[result] ?? 0) + 1;
    },
    onUsurped: () => usurped++,
    post: async (call, signal) => {
      const id = call.headers["webhook-id"] ?? "";
      calls.push({ id, at: clock.now() });
      most = Math.max(most, ++underWay);
      const given = await answer(call, calls.length, signal);
      underWay--;
      return given;
    },
  });
  const give = (...ids: string[]) => {
    for (const id of ids) items.push({ record: { sequence: 1, left: 1 }, event: eventOf(id) });
    hook.pump();
  };
  const quiet = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await quiet();
  };
  return {
    clock,
    book,
    hook,
    give,
    done,
    calls,
    counts,
    quiet,
    pass,
    usurped: () => usurped,
    most: () => most,
  };
}
const status = (code: number, retryAfter?: string): Answer => ({
  kind: "answered",
  status: code,
  retryAfter,
});

test("taken: done with, and nothing is written", async () => {
  const { give, quiet, done, book, counts, most } = setup(() => status(204));
  give(...Array.from({ length: 20 }, (_, i) => `e${i}`));
  await quiet();
  assert.equal(done.length, 20);
  assert.deepEqual([book.waiting.size, counts, most()], [0, { taken: 20 }, 8]);
});

test("failed: done with once it lies in the book; tried again at its time, with the same id", async () => {
  const { give, quiet, pass, done, book, calls } = setup((_, n) => status(n < 3 ? 500 : 200));
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
  const { give, quiet, done, book } = setup(({ headers }) =>
    status(headers["webhook-id"] === "bad" ? 422 : 200),
  );
  give("bad", "a", "b", "c");
  await quiet();
  assert.deepEqual(done.sort(), ["a", "b", "bad", "c"]);
  assert.deepEqual([...book.waiting.keys()], ["bad"]);
});

test("a receiver that fails is asked now and then, and what waits for it is bounded", async () => {
  const all = setup(() => status(503));
  all.give(...Array.from({ length: 300 }, (_, i) => `e${i}`));
  for (let i = 0; i < 400; i++) await all.pass(300_000);
  assert.ok(all.book.waiting.size <= 108, `${all.book.waiting.size} wait`);
  assert.ok(all.calls.length < 1_000, `${all.calls.length} calls in 33 hours`);
});

test("Retry-After is kept to by the whole hook", async () => {
  const { give, quiet, pass, calls } = setup((_, n) => (n === 1 ? status(429, "120") : status(200)));
  give("e");
  await quiet();
  give("f");
  await pass(119_000);
  assert.equal(calls.length, 1);
  await pass(2_000);
  assert.deepEqual(calls.map(({ id }) => id).sort(), ["e", "e", "f"]);
});

test("given up at its time, not before: it lies with the dead, with what was answered last", async () => {
  const { give, quiet, pass, book, counts, calls, clock } = setup(() => ({
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

test("410 ends the hook: all that waits is dead, nothing more is sent", async () => {
  let code = 500;
  const { give, quiet, hook, book, calls, pass } = setup(() => status(code));
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

test("an event that is dead again lies once with the dead, as the youngest", async () => {
  const { quiet, hook } = setup(() => status(410), { dead: ["a", "b"] });
  hook.recall({ event: eventOf("a"), attempts: 0, since: 1, next: 1, why: "sent again" });
  await quiet();
  assert.deepEqual(hook.dead, ["b", "a"]);
});

test("several answers 410 at once bury what waits once", async () => {
  let code = 200;
  const { give, quiet, pass, hook, counts } = setup(() => status(code));
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
  const { give, quiet, hook, counts } = setup(() => status(410), { dead: old });
  give("new");
  await quiet();
  assert.deepEqual([hook.dead.length, hook.dead[0], hook.dead.at(-1)], [1_000, "d1", "new"]);
  assert.equal(counts["lost"], 1);
});

test("while the book is away nothing is done with; then it is", async () => {
  const { give, quiet, pass, done, book, calls } = setup(() => status(500));
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
  const { give, quiet, pass, done, book, calls, hook } = setup((_, n) => status(n < 3 ? 500 : 200));
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
  const { give, quiet, pass, done, book } = setup(() => status(500));
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
  const { give, quiet, done, book, usurped } = setup(() => status(500));
  book.fails = new Usurped("another");
  give("e");
  await quiet();
  assert.deepEqual([done, usurped()], [[], 1]);
});

test("what is remembered is tried at its time, what somebody recalls at once, what comes twice once", async () => {
  const waiting = { event: eventOf("w"), attempts: 3, since: 0, next: 1_700_000_060_000, why: "x" };
  const { hook, give, quiet, pass, calls, done } = setup(() => status(200), {
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

test("what somebody recalls is sent at once, also while the receiver is left alone", async () => {
  let isMended = false;
  const { hook, give, quiet, pass, calls } = setup(() => status(isMended ? 204 : 500));
  give("a", "b", "c");
  for (let i = 0; i < 40; i++) await pass(60_000);
  const before = calls.length;
  isMended = true;
  hook.recall({ event: eventOf("a"), attempts: 9, since: 1, next: 1, why: "answered 500" });
  await quiet();
  assert.deepEqual([calls.length > before, calls[before]?.id], [true, "a"]);
});

test("without a secret nothing is sent; with one, everything", async () => {
  const { hook, give, quiet, calls } = setup(() => status(200));
  hook.update({ ...entry, keys: [] });
  give("e");
  await quiet();
  assert.equal(calls.length, 0);
  hook.update(entry);
  await quiet();
  assert.equal(calls.length, 1);
});

test("one that is disposed of stops what is under way, and is done with none of it", async () => {
  const stopped = (_: Call, __: number, signal: AbortSignal) =>
    new Promise<Answer>((resolve) => {
      signal.addEventListener("abort", () => resolve({ kind: "unreachable", why: "stopped" }));
    });
  const { hook, give, quiet, done, book, counts } = setup(stopped);
  give("e");
  await quiet();
  await hook[Symbol.asyncDispose]();
  assert.deepEqual([done, book.waiting.size, counts], [[], 0, {}]);
});
