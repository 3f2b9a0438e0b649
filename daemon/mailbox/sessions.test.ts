import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { bob, calm } from "../../test/harness/mailboxes.ts";
import { Holdings } from "./holdings.ts";
import type { Loaded } from "./journal.ts";
import { MemoryBox, MemoryJournal } from "./memory-journal.ts";
import { type Append, MailboxRefusal } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { BroughtBack, type MailboxName, StoreUnavailable } from "./store.ts";

async function* body(): AsyncIterable<Uint8Array> {
  yield Buffer.from("x");
}
const one: Append = { flags: [], size: 1, body: body() };
const some = (count: number): Append[] => Array.from({ length: count }, () => ({ ...one, body: body() }));

/** Two pods that share a store; how often the first one loaded a folder or followed a mailbox is counted. */
function pods(most?: number) {
  const clock = new FakeClock();
  const boxes = new Map<MailboxName, MemoryBox>();
  const bodies = new Map();
  const counts = { loads: 0, follows: 0 };
  const box = (mailbox: MailboxName) => {
    const found = boxes.get(mailbox) ?? new MemoryBox();
    boxes.set(mailbox, found);
    return found;
  };
  class Counted extends MemoryJournal {
    override follow(...args: Parameters<MemoryJournal["follow"]>) {
      counts.follows++;
      return super.follow(...args);
    }
    override load(...args: Parameters<MemoryJournal["load"]>) {
      counts.loads++;
      return super.load(...args);
    }
  }
  const holdings = new Holdings(clock, most);
  const here = new Sessions(
    (name) => new Counted(name, box(name), bodies),
    clock,
    () => 0.5,
    holdings,
  );
  const there = new Sessions(
    (name) => new MemoryJournal(name, box(name), bodies),
    clock,
    () => 0.5,
  );
  const quota = () => ({});
  const enter = (pod: Sessions, mailbox = bob) => pod.open(mailbox, { quota }, calm);
  return { clock, counts, here, there, enter, holdings, box };
}

test("a mailbox that was used a moment ago is there at once, and true", async () => {
  const { clock, counts, here, there, enter, holdings } = pods();
  {
    await using session = await enter(here);
    await session.append("INBOX", some(3), calm);
    await session.select("INBOX", calm);
    await session.select("Sent", calm);
  }
  assert.deepEqual(counts, { loads: 2, follows: 1 });
  {
    await using other = await enter(there);
    await other.append("INBOX", some(2), calm);
    await (await other.select("INBOX", calm))?.expunge([1] as never, calm);
  }
  {
    await using session = await enter(here);
    const view = await session.select("INBOX", calm);
    assert.deepEqual(
      view?.messages.map(({ uid }) => uid),
      [2, 3, 4, 5],
    );
    assert.deepEqual(counts, { loads: 2, follows: 1 });
    clock.advance(6 * 60_000);
    holdings.folders.sweep();
    holdings.mailboxes.sweep();
    assert.equal(view?.messages.length, 4, "what is in use stays");
    await session.append("INBOX", some(1), calm);
    assert.equal(view?.messages.length, 5);
    await session.select("Sent", calm);
    assert.deepEqual(counts, { loads: 3, follows: 1 }, "what was not in use is gone");
  }
  clock.advance(6 * 60_000);
  holdings.mailboxes.sweep();
  await using session = await enter(here);
  await session.select("INBOX", calm);
  assert.deepEqual(counts, { loads: 4, follows: 2 });
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
});

test("folders that are not in use make room for those that are; beyond it no further one is opened", async () => {
  const { counts, here, enter, holdings } = pods(10);
  await using session = await enter(here);
  for (const [name, count] of [
    ["Sent", 2],
    ["INBOX", 6],
    ["Archive", 5],
  ] as const)
    await session.append(name, some(count), calm);
  const sent = await session.select("Sent", calm);
  sent?.[Symbol.dispose]();
  assert.deepEqual([holdings.used, holdings.folders.weight], [0, 0], "too large to linger here");
  const inbox = await session.select("INBOX", calm);
  assert.equal(holdings.used, 6);
  await assert.rejects(
    session.select("Archive", calm),
    (error) => error instanceof MailboxRefusal && error.code === "LIMIT",
  );
  await session.select("INBOX", calm); // it is open already
  inbox?.[Symbol.dispose]();
  assert.equal(holdings.used, 6);
  assert.equal(counts.loads, 2);
  await using other = await enter(here);
  assert.equal(other.folders().length, 6, "the mailbox itself can be opened");
  await here[Symbol.asyncDispose]();
});

test("a folder that is read where the store lags behind is read again, also when it has as many messages", async () => {
  const box = new MemoryBox();
  const bodies = new Map();
  let stale: Loaded | undefined;
  let reads = 0;
  class Lagging extends MemoryJournal {
    override async load(folder: number): Promise<Loaded> {
      reads++;
      const now = await super.load(folder);
      const found = reads <= 2 ? stale : undefined;
      return found ?? now;
    }
  }
  const clock = new FakeClock();
  const pod = new Sessions(
    (name) => new Lagging(name, box, bodies),
    clock,
    () => 0.5,
  );
  await using session = await pod.open(bob, { quota: () => ({}) }, calm);
  await session.append("INBOX", some(2), calm);
  stale = await new MemoryJournal(bob, box, bodies).load(session.folder("INBOX") ? 1 : 0);
  const other = new Sessions(
    (name) => new MemoryJournal(name, box, bodies),
    clock,
    () => 0.5,
  );
  await using writer = await other.open(bob, { quota: () => ({}) }, calm);
  const view = await writer.select("INBOX", calm);
  await view?.store({ uids: [1] as never, how: "add", flags: ["\\Flagged"] }, calm);
  assert.deepEqual((await session.select("INBOX", calm))?.messages[0]?.flags, ["\\Flagged"]);
  assert.equal(reads, 3);
  await pod[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

test("a large COPY that fails on its way leaves its target as it was", async () => {
  const box = new MemoryBox();
  const bodies = new Map();
  let until = Number.POSITIVE_INFINITY;
  class Failing extends MemoryJournal {
    override async commit(unit: Parameters<MemoryJournal["commit"]>[0]) {
      if (unit.edits[0]?.kind === "new" && until-- <= 0) throw new StoreUnavailable("away");
      return super.commit(unit);
    }
  }
  const clock = new FakeClock();
  const pod = new Sessions(
    (name) => new Failing(name, box, bodies),
    clock,
    () => 0.5,
  );
  await using session = await pod.open(bob, { quota: () => ({}) }, calm);
  for (let n = 0; n < 10; n++) await session.append("INBOX", some(100), calm);
  await session.append("Archive", some(1), calm);
  const view = await session.select("INBOX", calm);
  const uids = view?.messages.map(({ uid }) => uid) ?? [];
  until = 2;
  await assert.rejects(view?.copy(uids, "Archive", calm) ?? Promise.resolve(), StoreUnavailable);
  assert.equal(session.folder("Archive")?.messages, 1);
  assert.deepEqual(
    (await session.select("Archive", calm))?.messages.map(({ uid }) => uid),
    [1],
  );
  until = Number.POSITIVE_INFINITY;
  assert.equal((await view?.copy(uids, "Archive", calm))?.to[0], 902, "no UID is given twice");
  assert.equal(session.folder("Archive")?.messages, 1_001);
  await pod[Symbol.asyncDispose]();
});

test("a mailbox that is brought back from a copy is seen as it is by who comes then, and left alone by who was there", async () => {
  const { box, here, enter } = pods();
  const session = await enter(here);
  await session.append("INBOX", some(2), calm);
  const copy = box(bob).copy();
  await session.append("INBOX", some(1), calm);
  const view = await session.select("INBOX", calm);
  box(bob).bringBack(copy);
  assert.equal(session.lost.aborted, true);
  await assert.rejects(session.append("INBOX", some(1), calm), BroughtBack);
  await assert.rejects(async () => view?.expunge([1] as never, calm), BroughtBack);
  const next = await enter(here);
  const uids = async () => (await next.select("INBOX", calm))?.messages.map(({ uid }) => uid);
  assert.deepEqual(await uids(), [1, 2]);
  await session[Symbol.asyncDispose]();
  await next.append("INBOX", some(1), calm);
  assert.deepEqual(await uids(), [1, 2, 3], "the end of the old session is not that of the new one");
});

test("what lingers of a mailbox that is brought back is forgotten", async () => {
  const { box, counts, here, enter } = pods();
  {
    await using session = await enter(here);
    await session.append("INBOX", some(1), calm);
    await session.select("INBOX", calm);
  }
  box(bob).bringBack(box(bob).copy());
  await using session = await enter(here);
  await session.select("INBOX", calm);
  assert.deepEqual(counts, { loads: 2, follows: 2 });
});
