/** The maildrop on a real mailbox store (in memory), among other sessions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bob, calm, delivery, prefix } from "../../test/harness/mailboxes.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import type { MailboxAccess } from "../mailbox/session.ts";
import { StoreUnavailable, type Uid } from "../mailbox/store.ts";
import type { Message } from "../mailbox/view.ts";
import { type Form, type Maildrop, openMaildrop } from "./maildrop.ts";

const quota = () => ({});

async function filled(...texts: readonly string[]): Promise<MemoryMailboxStore> {
  const store = new MemoryMailboxStore(systemClock);
  for (const text of texts) await store.deliver(delivery(text), calm);
  return store;
}

async function open(store: MailboxAccess): Promise<Maildrop> {
  const drop = await openMaildrop(store, bob, quota, calm);
  return drop ?? assert.fail("the mailbox is in use");
}

async function textOf(drop: Maildrop, message: Message, form: Form = "utf8"): Promise<string | undefined> {
  const octets = drop.octets(message, form, calm);
  if (octets === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of octets) parts.push(part);
  return Buffer.concat(parts).toString();
}

const at = (drop: Maildrop, i: number): Message => drop.messages[i] ?? assert.fail(`no message ${i}`);

test("INBOX in UID order, with sizes, octets and names that do not repeat", async () => {
  await using store = await filled("one", "two");
  await using drop = await open(store);
  assert.deepEqual(
    drop.messages.map(({ size }) => size),
    [prefix.length + 3, prefix.length + 3],
  );
  assert.equal(await textOf(drop, at(drop, 1)), `${prefix}two`);
  const names = drop.messages.map((message) => drop.uidl(message));
  assert.equal(new Set(names).size, 2);
  for (const name of names) assert.match(name, /^[\x21-\x7e]{1,70}$/); // RFC 1939 §7
});

test("names are the same in the next session, and those of removed messages do not come back", async () => {
  await using store = await filled("one", "two");
  const names = async () => {
    await using drop = await open(store);
    return drop.messages.map((message) => drop.uidl(message));
  };
  const first = await names();
  assert.deepEqual(await names(), first);
  {
    await using drop = await open(store);
    await drop.remove([at(drop, 0), at(drop, 1)], calm);
  }
  await store.deliver(delivery("three"), calm);
  const [third = ""] = await names();
  assert.ok(!first.includes(third));
});

test("one session at a time; the next may come when it has ended", async () => {
  await using store = await filled("one");
  const drop = await open(store);
  assert.equal(await openMaildrop(store, bob, quota, calm), undefined);
  await drop[Symbol.asyncDispose]();
  await using again = await open(store);
  assert.equal(again.messages.length, 1);
});

test("what comes and goes meanwhile changes no number", async () => {
  await using store = await filled("one", "two", "three");
  await using drop = await open(store);
  await using other = await store.open(bob, { quota }, calm);
  using inbox = (await other.select("INBOX", calm)) ?? assert.fail();
  await inbox.expunge([2 as Uid], calm);
  await store.deliver(delivery("four"), calm);
  assert.equal(drop.messages.length, 3);
  assert.equal(await textOf(drop, at(drop, 1)), undefined);
  assert.equal(await textOf(drop, at(drop, 2)), `${prefix}three`);
  await drop.remove([at(drop, 0), at(drop, 1)], calm);
  assert.deepEqual(
    inbox.messages.map(({ uid }) => uid),
    [3, 4],
  );
});

test("a mailbox that nothing was ever filed in is empty", async () => {
  await using store = await filled();
  await using drop = await open(store);
  assert.deepEqual(drop.messages, []);
});

const word = `=?utf-8?b?${Buffer.from("Grüße").toString("base64")}?=`;
for (const [size, text] of [
  ["small", "text"],
  ["large", "ein Wörtlein\r\n".repeat(30_000)],
])
  test(`a ${size} message with headers in UTF-8 comes in ASCII to who does not know better`, async () => {
    await using store = await filled(`Subject: Grüße\r\n\r\n${text}`);
    await using drop = await open(store);
    assert.equal(await textOf(drop, at(drop, 0)), `${prefix}Subject: Grüße\r\n\r\n${text}`);
    assert.equal(await textOf(drop, at(drop, 0), "ascii"), `${prefix}Subject: ${word}\r\n\r\n${text}`);
  });

test("nothing is removed once the hold is lost", async () => {
  await using store = await filled("one");
  const lost = new AbortController();
  const access: MailboxAccess = {
    open: (...args) => store.open(...args),
    exclusive: async () => ({ lost: lost.signal, [Symbol.asyncDispose]: async () => {} }),
  };
  await using drop = await open(access);
  lost.abort();
  await assert.rejects(drop.remove([at(drop, 0)], calm), StoreUnavailable);
  assert.equal((await store.status(bob))?.messages, 1);
});

test("the hold is given back when the mailbox cannot be opened", async () => {
  let held = 0;
  const access: MailboxAccess = {
    open: async () => {
      throw new StoreUnavailable("away");
    },
    exclusive: async () => {
      held++;
      return { lost: calm, [Symbol.asyncDispose]: async () => void held-- };
    },
  };
  await assert.rejects(openMaildrop(access, bob, quota, calm), StoreUnavailable);
  assert.equal(held, 0);
});

test("nothing is removed of a mailbox that was brought back from a copy", async () => {
  await using store = await filled("one");
  await using drop = await open(store);
  const box = store.box(bob);
  box.bringBack(box.copy());
  assert.equal(drop.lost.aborted, true);
  await assert.rejects(drop.remove([at(drop, 0)], calm), StoreUnavailable);
  assert.equal((await store.status(bob))?.messages, 1);
});
