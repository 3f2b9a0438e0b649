/** nats-server is killed while mailboxes are written: everything is there wholly, or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { all, calm, checkFigures, delivery, mailbox, prefix, text } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { type Delivery, type MailboxStore, StoreUnavailable } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import { chunksOf } from "./chunks.ts";
import { recordsUnder } from "./pages.ts";
import { decodeRecord } from "./records.ts";
import { ensureMailboxStreams } from "./streams.ts";
import { chunkSubject, deliverySubject, mailboxOf, mailStream } from "./subjects.ts";

const KILLS = 5;
const BETWEEN = 150; // deliveries from one kill to the next
const boxes = Array.from({ length: 12 }, (_, i) => mailbox(`user${i}@example.org`));

/** A third share their body with another mailbox; some bodies are stored apart. */
function someDelivery(n: number): Delivery {
  const shared = n % 3 === 0 ? n + 1 : n;
  const octets = `body ${shared}\r\n${"x".repeat(shared % 40 === 0 ? 300_000 : shared % 500)}`;
  const box = boxes[(n * 7) % boxes.length] ?? mailbox("user0@example.org");
  return delivery(octets, { mailbox: box, bodyId: `body${shared}`, deliveryId: `d${n}` });
}

/** Tries until the store says that it is there. */
async function insist(store: MailboxStore, given: Delivery): Promise<void> {
  for (;;) {
    try {
      const { kind } = await store.deliver(given, calm);
      assert.notEqual(kind, "overQuota");
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}

test(`${KILLS} kills while mail is filed: nothing acknowledged is lost, doubled or torn`, async (t) => {
  const nats = await startNats(t);
  const link = await linkTo(nats);
  t.after(() => link[Symbol.asyncDispose]());
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  await using store = mailboxStore(link);

  const given: Delivery[] = [];
  const reached = Array.from({ length: KILLS }, () => Promise.withResolvers<void>());
  let stop = false;
  let done = 0;
  const worker = async () => {
    while (!stop) {
      const next = someDelivery(given.length);
      given.push(next);
      await insist(store, next);
      reached[Math.floor(++done / BETWEEN) - 1]?.resolve();
    }
  };
  const workers = Array.from({ length: 30 }, worker);
  for (const { promise } of reached) {
    await promise;
    await nats.kill9();
    await nats.restart();
  }
  stop = true;
  await Promise.all(workers);
  t.diagnostic(`${given.length} deliveries`);
  // What is there is looked at without a hurry: a server that has just come back may be slow.
  const calmLink = unhurried(await linkTo(nats));
  t.after(() => calmLink[Symbol.asyncDispose]());
  await using looking = mailboxStore(calmLink);
  await checkOnce(looking, given);
  await checkWhole(calmLink);
});

/** Each delivery is in its mailbox once, with its octets. */
async function checkOnce(store: MailboxStore, given: readonly Delivery[]): Promise<void> {
  for (const box of boxes) {
    const { messages } = await checkFigures(store, box);
    const mine = given.filter((d) => d.mailbox === box);
    assert.equal(messages, mine.length);
    const texts: string[] = [];
    for (let uid = 1; uid <= messages; uid++) texts.push((await text(store, uid, box)) ?? "");
    const want = await Promise.all(mine.map(async (d) => `${prefix}${Buffer.concat(await all(d.body()))}`));
    assert.deepEqual(texts.sort(), want.sort());
  }
}

/** Every record has its mark and its body, and there is no mark without a record. */
async function checkWhole(link: Link): Promise<void> {
  const found = new Map<string, Uint8Array>();
  for await (const { subject, data } of recordsUnder(link, mailStream(0), "m0.>", calm))
    found.set(subject, data);
  const marks = new Set([...found.keys()].filter((subject) => subject.startsWith("m0.d.")));
  for (const [subject, data] of found) {
    if (!subject.startsWith("m0.r.")) continue;
    const record = decodeRecord(data);
    const box = mailboxOf(subject.split(".").slice(0, 3).join("."));
    assert.ok(marks.delete(deliverySubject(0, record.bodyId, box, record.deliveryId)), subject);
    const size = record.size - Buffer.byteLength(record.prefix);
    assert.equal(record.chunks, chunksOf(size));
    let stored = 0;
    for (let n = 0; n < record.chunks; n++)
      stored += found.get(chunkSubject(0, record.bodyId, n))?.length ?? 0;
    assert.equal(stored, size);
  }
  assert.deepEqual([...marks], []);
}
