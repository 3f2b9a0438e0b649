import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { emptyMailboxStore, mailboxStore } from "../../../test/harness/mailbox-store.ts";
import {
  alice,
  all,
  bob,
  calm,
  delivery,
  mailbox,
  pieces,
  prefix,
  text,
} from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { untilTrue } from "../../../test/harness/until.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import type { MailboxName, Uid } from "../../mailbox/store.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Collector } from "./collector.ts";
import { recordsUnder } from "./pages.ts";
import { Reader } from "./reader.ts";
import { decodeHead, encodeHead, encodeNote } from "./records.ts";
import type { JetStreamMailboxStore } from "./store.ts";
import { chunkSubject, garbageSubject, headSubject, mailStream } from "./subjects.ts";

let nats: TestNats;
let link: Link;
let store: JetStreamMailboxStore;
let reader: Reader;
let commit: GroupCommit;
const M0 = mailStream(0);
const quota = () => ({});

before(async () => {
  nats = await startNats();
  link = unhurried(await linkTo(nats));
  reader = new Reader(link, systemClock, M0);
  commit = new GroupCommit(link, { stream: M0, clock: systemClock, log: silent });
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});
afterEach(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  store = await emptyMailboxStore(link);
});

const collector = (waits = { expunged: 0, storing: 0 }) =>
  new Collector({ link, shard: 0, reader, commit, clock: systemClock, log: silent }, waits);

/** Subjects below a kind that hold something. */
async function left(kind: string): Promise<string[]> {
  const found = new Map<string, number>();
  for await (const { subject, data } of recordsUnder(link, M0, `m0.${kind}.>`, calm))
    found.set(subject, data.length);
  return [...found].filter(([, size]) => size > 0).map(([subject]) => subject);
}

/**
 * Rounds until nothing is noted any more; how many bodies that removed. One round may leave some: a mark that expires
 * while the marks are looked at (here a second after it was emptied) makes the collector look again in its next round.
 */
async function settled(): Promise<number> {
  let removed = 0;
  await untilTrue("nothing to be noted", async () => {
    removed += (await collector().round(calm)).removed;
    return (await left("g")).length === 0;
  });
  return removed;
}

async function expunge(box: MailboxName, ...uids: number[]): Promise<void> {
  await using session = await store.open(box, { quota }, calm);
  const view = await session.select("INBOX", calm);
  assert.equal((await view?.expunge(uids as Uid[], calm))?.length, uids.length);
}

for (const size of [1_000, 1_300_000])
  test(`a body of ${size} octets goes with its last message, and not before`, async () => {
    const one = delivery(Buffer.alloc(size, "x"));
    await store.deliver(one, calm);
    await store.deliver({ ...one, mailbox: alice }, calm);
    await settled();
    await expunge(bob, 1);
    assert.equal(await settled(), 0);
    assert.equal((await text(store, 1, alice))?.length, prefix.length + size);
    await expunge(alice, 1);
    assert.equal(await settled(), 1);
    for (const kind of ["b", "h", "g", "d", "r"]) assert.deepEqual(await left(kind), [], kind);
  });

test("a copy keeps the body", async () => {
  await store.deliver(delivery("octets"), calm);
  {
    await using session = await store.open(bob, { quota }, calm);
    const view = await session.select("INBOX", calm);
    await view?.copy([1 as Uid], "Archive", calm);
    await view?.move([1 as Uid], "Trash", calm);
  }
  assert.equal(await settled(), 0);
  assert.equal(await text(store, 1, bob, "Archive"), `${prefix}octets`);
});

test("a note that is young is left alone", async () => {
  await store.deliver(delivery("octets"), calm);
  await expunge(bob, 1);
  assert.deepEqual(await collector({ expunged: 60_000, storing: 0 }).round(calm), { looked: 0, removed: 0 });
  assert.equal((await left("b")).length, 1);
});

test("a delivery whose message was removed is remembered, and its body may go", async () => {
  const one = delivery("octets", { receivedAt: Date.now() });
  await store.deliver(one, calm);
  await expunge(bob, 1);
  assert.equal((await store.deliver(one, calm)).kind, "duplicate");
  assert.equal(await settled(), 1);
  assert.equal(
    (await store.deliver({ ...one, mailbox: alice }, calm).catch(() => undefined))?.kind,
    undefined,
  );
  assert.equal((await store.deliver({ ...one, mailbox: alice }, calm)).kind, "filed");
  assert.equal(await text(store, 1, alice), `${prefix}octets`);
});

/** What another process has done to a body, or begun to do, before it died or was overtaken. */
async function leaveNote(bodyId: string): Promise<void> {
  const data = encodeNote({ since: 0, why: "expunged" });
  await commit.commit([{ subject: garbageSubject(0, bodyId), data }]);
}
async function doom(bodyId: string): Promise<void> {
  const subject = headSubject(0, bodyId);
  const found = await reader.last(subject);
  assert.ok(found);
  await commit.commit([{ subject, data: encodeHead({ ...decodeHead(found.data), doomed: true }) }]);
}

test("a collector that died after the doom: the next one spares what is referred to", async () => {
  const one = delivery("octets");
  await store.deliver(one, calm);
  await leaveNote(one.bodyId);
  await doom(one.bodyId);
  assert.equal(await text(store, 1), `${prefix}octets`);
  await using other = mailboxStore(link);
  assert.equal((await other.deliver({ ...one, mailbox: mailbox("carol@example.org") }, calm)).kind, "filed");
  await doom(one.bodyId);
  assert.equal(await settled(), 0);
  const head = await reader.last(headSubject(0, one.bodyId));
  assert.equal(head && decodeHead(head.data).doomed, false);
  assert.deepEqual(await left("g"), []);
});

test("a collector that died between the purges: the next one finishes", async () => {
  const one = delivery("octets");
  await store.deliver(one, calm);
  await expunge(bob, 1);
  await doom(one.bodyId);
  await link.nc.request(
    `$JS.API.STREAM.PURGE.${M0}`,
    JSON.stringify({ filter: chunkSubject(0, one.bodyId, 0) }),
  );
  assert.equal(await settled(), 1);
  assert.deepEqual(await left("h"), []);
});

/** Of those who are asked what there is, the one that answers was cut off before anything was stored. */
function cutOff(): Link {
  const stale = { json: () => ({ state: { last_seq: 0 } }) };
  const request = async (...asked: Parameters<Link["nc"]["request"]>) =>
    asked[0].startsWith("$JS.API.STREAM.INFO.") ? stale : link.nc.request(...asked);
  const nc = new Proxy(link.nc, {
    get: (target, name) => {
      if (name === "request") return request;
      const found = Reflect.get(target, name);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  return { nc, inbox: () => link.inbox() } as Partial<Link> as Link;
}

test("a copy of the stream that lags behind is not believed: what nothing refers to for it stays", async () => {
  const one = delivery("octets");
  await store.deliver(one, calm);
  await store.deliver({ ...one, mailbox: alice }, calm);
  await expunge(bob, 1);
  const parts = { link: cutOff(), shard: 0, reader, commit, clock: systemClock, log: silent } as const;
  const blind = new Collector(parts, { expunged: 0, storing: 0 });
  assert.deepEqual(await blind.round(calm), { looked: 1, removed: 0 });
  assert.equal(await text(store, 1, alice), `${prefix}octets`);
  assert.equal(await settled(), 0);
  await expunge(alice, 1);
  assert.equal(await settled(), 1);
});

test("what a broken append has left is collected, and what is being stored is not", async () => {
  async function* broken() {
    yield Buffer.alloc(700_000);
    while ((await left("b")).length === 0); // until a chunk is durable
    throw new Error("the client is gone");
  }
  await using session = await store.open(bob, { quota }, calm);
  const append = session.append("INBOX", [{ flags: [], size: 900_000, body: broken() }], calm);
  await assert.rejects(append, /client is gone/);
  assert.ok((await left("b")).length > 0);
  assert.equal((await collector({ expunged: 0, storing: 60_000 }).round(calm)).looked, 0);
  assert.equal(await settled(), 1);
  assert.deepEqual(await left("b"), []);
  await session.append("INBOX", [{ flags: [], size: 700_000, body: pieces(Buffer.alloc(700_000)) }], calm);
  assert.equal(await settled(), 0);
  assert.equal((await left("b")).length, 2);
});

test("two collectors and deliveries of the same bodies at once: every message can be read", async () => {
  const bodies = Array.from({ length: 12 }, (_, i) => delivery(`body ${i}`));
  let stop = false;
  const collecting = [1, 2].map(async () => {
    while (!stop) await collector().round(calm);
  });
  const boxes = Array.from({ length: 3 }, (_, i) => mailbox(`user${i}@example.org`));
  const churn = async (box: MailboxName) => {
    for (let round = 0; round < 4; round++) {
      for (const one of bodies) {
        const given = { ...one, mailbox: box, deliveryId: `${box}${round}` };
        for (;;) {
          const filed = await store.deliver(given, calm).catch(() => undefined);
          if (filed) break;
        }
      }
      await using session = await store.open(box, { quota }, calm);
      const view = await session.select("INBOX", calm);
      for (const message of view?.messages ?? []) {
        const octets = await all(view?.read(message, undefined, calm) ?? pieces(Buffer.alloc(0)));
        assert.match(Buffer.concat(octets).toString(), /body \d+$/);
      }
      await view?.expunge(
        view.messages.map(({ uid }) => uid),
        calm,
      );
    }
  };
  await Promise.all(boxes.map(churn));
  stop = true;
  await Promise.all(collecting);
  await settled();
  assert.deepEqual(await left("b"), []);
});
