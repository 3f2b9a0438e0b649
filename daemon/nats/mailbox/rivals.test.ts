/** Two pods write the same mailboxes: what only a real server can show. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import fc from "fast-check";
import { emptyMailboxStore, mailboxStore } from "../../../test/harness/mailbox-store.ts";
import {
  all,
  bob,
  calm,
  checkFigures,
  delivery,
  mailbox,
  prefix,
  text,
  uids,
} from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import type { Delivery, Filed } from "../../mailbox/store.ts";
import { StoreUnavailable } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import { lastOnSubject } from "../read.ts";
import type { JetStreamMailboxStore } from "./store.ts";
import { chunkSubject, headSubject, mailStream } from "./subjects.ts";

let nats: TestNats;
let links: [Link, Link];
const M0 = mailStream(0);

before(async () => {
  nats = await startNats();
  const open = async () => unhurried(await linkTo(nats));
  links = [await open(), await open()];
});
after(async () => {
  for (const link of links) await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

let pods: [JetStreamMailboxStore, JetStreamMailboxStore];
beforeEach(async () => {
  pods = [await emptyMailboxStore(links[0]), mailboxStore(links[1])];
});

const api = async (call: string, question: object = {}) => {
  const answer = await links[0].nc.request(`$JS.API.${call}`, JSON.stringify(question));
  return answer.json<{ state?: { messages: number }; purged?: number }>();
};

/** Every delivery by one of the pods in turn, all at the same time. */
const race = (deliveries: readonly Delivery[]): Promise<Filed[]> =>
  Promise.all(deliveries.map((d, i) => (pods[i % 2] ?? pods[0]).deliver(d, calm)));

test("two pods file into one mailbox: each UID once, figures exact", async () => {
  const rounds = 20;
  const filed: Filed[] = [];
  for (let round = 0; round < rounds; round++)
    filed.push(...(await race(Array.from({ length: 20 }, () => delivery(`round ${round}`)))));
  const got = filed.map((f) => (f.kind === "filed" ? f.uid : 0)).sort((a, b) => a - b);
  const want = Array.from({ length: rounds * 20 }, (_, i) => i + 1);
  assert.deepEqual(got, want);
  for (const pod of pods) {
    assert.deepEqual(await uids(pod), want);
    assert.equal((await checkFigures(pod)).messages, want.length);
  }
});

test("whatever two pods deliver: UIDs without gap, quota exact, duplicates recognised", async () => {
  const step = fc.record({
    box: fc.constantFrom("a", "b"),
    id: fc.nat(12),
    size: fc.integer({ min: 0, max: 60 }),
  });
  let run = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
    run++;
    const limit = 20 * (prefix.length + 30);
    const given = steps.map(({ box, id, size }) =>
      delivery("x".repeat(size), {
        mailbox: mailbox(`${box}${run}@example.org`),
        deliveryId: `d${id}`,
        bodyId: `r${run}s${size}`,
        quota: { bytes: limit, messages: 6 },
      }),
    );
    const results = await race(given);
    for (const box of new Set(given.map((d) => d.mailbox))) await checkBox(box, given, results);
  });
  await fc.assert(property, { numRuns: 25 });
});

async function checkBox(box: Delivery["mailbox"], given: readonly Delivery[], results: readonly Filed[]) {
  const mine = given.flatMap((d, i) => (d.mailbox === box ? [{ d, result: results[i] as Filed }] : []));
  const filed = mine.filter(({ result }) => result.kind === "filed");
  assert.deepEqual(
    await uids(pods[0], box),
    filed.map((_, i) => i + 1),
  );
  assert.ok(filed.length > 0 && filed.length <= 6);
  const names = filed.map(({ d }) => `${d.bodyId} ${d.deliveryId}`);
  assert.equal(new Set(names).size, names.length);
  for (const { d, result } of mine) {
    if (result.kind === "duplicate") assert.ok(names.includes(`${d.bodyId} ${d.deliveryId}`));
    if (result.kind === "overQuota") assert.equal(filed.length, 6);
  }
  const { bytes } = await checkFigures(pods[1], box);
  assert.equal(
    bytes,
    filed.reduce((sum, { d }) => sum + d.size + prefix.length, 0),
  );
}

test("a delivery is not refused for want of room that a repeated one seemed to take", async () => {
  const quota = { messages: 2 };
  const first = delivery("1", { quota });
  assert.equal((await pods[0].deliver(first, calm)).kind, "filed");
  const results = await Promise.all([first, delivery("2", { quota })].map((d) => pods[1].deliver(d, calm)));
  assert.deepEqual(
    results.map(({ kind }) => kind),
    ["duplicate", "filed"],
  );
  assert.equal((await pods[1].deliver(delivery("3", { quota }), calm)).kind, "overQuota");
  assert.equal((await pods[1].deliver(first, calm)).kind, "duplicate");
});

test("a pod with an old ledger neither refuses nor lets through what the other has changed", async () => {
  const [one, two] = pods;
  const quota = { messages: 2 };
  await one.deliver(delivery("1", { quota }), calm);
  await two.deliver(delivery("2", { quota }), calm);
  assert.equal((await one.deliver(delivery("3", { quota }), calm)).kind, "overQuota");
  await two.deliver(delivery("4", { quota: { messages: 3 } }), calm);
  assert.equal((await one.deliver(delivery("5", { quota: { messages: 4 } }), calm)).kind, "filed");
});

for (const size of [1_000, 600_000])
  test(`a body of ${size} octets that both pods store at the same time is whole`, async () => {
    const octets = Buffer.alloc(size, "both\r\n");
    const one = delivery(octets);
    const boxes = Array.from({ length: 6 }, (_, i) => mailbox(`u${i}@example.org`));
    const results = await race(boxes.map((box) => ({ ...one, mailbox: box })));
    assert.ok(results.every((result) => result.kind === "filed"));
    for (const box of boxes) assert.equal(await text(pods[0], 1, box), `${prefix}${octets}`);
    const chunks = await api(`STREAM.INFO.${M0}`, { subjects_filter: `m0.b.${one.bodyId}.*` });
    const others = boxes.length * 3 + 1; // mark, record and ledger of each; the head
    assert.equal(chunks.state?.messages, others + Math.ceil(size / (512 << 10)) + (size > 256 << 10 ? 1 : 0));
  });

test("a body that is removed meanwhile is noticed, and stored anew by the next delivery", async () => {
  const [one] = pods;
  const first = delivery("octets");
  await one.deliver(first, calm);
  for (const subject of [headSubject(0, first.bodyId), chunkSubject(0, first.bodyId, 0)])
    assert.equal((await api(`STREAM.PURGE.${M0}`, { filter: subject })).purged, 1);
  const alice = mailbox("alice@example.org");
  const second = { ...first, mailbox: alice };
  await assert.rejects(one.deliver(second, calm), StoreUnavailable);
  assert.equal(await one.status(alice, calm), undefined);
  assert.equal((await one.deliver(second, calm)).kind, "filed");
  assert.equal(await text(one, 1, alice), `${prefix}octets`);
});

test("a body whose head is replaced meanwhile is relied on in its new place", async () => {
  const [one] = pods;
  const first = delivery("octets");
  await one.deliver(first, calm);
  const subject = headSubject(0, first.bodyId);
  const before = await lastOnSubject(links[0], M0, subject);
  await links[1].nc.request(subject, before?.data);
  const alice = mailbox("alice@example.org");
  assert.equal((await one.deliver({ ...first, mailbox: alice }, calm)).kind, "filed");
  const after = await lastOnSubject(links[0], M0, subject);
  assert.ok((after?.sequence ?? 0) > (before?.sequence ?? 0));
  assert.equal(await text(one, 1, alice), `${prefix}octets`);
});

test("a listing of several pages is complete and in order", async () => {
  const want = Array.from({ length: 2_300 }, (_, i) => i + 1);
  await Promise.all(want.map(() => pods[0].deliver(delivery("x"), calm)));
  assert.deepEqual(await uids(pods[1]), want);
  const boxes = await all(pods[1].mailboxes(calm));
  assert.deepEqual(
    boxes.map((status) => [status.mailbox, status.messages]),
    [[bob, 2_300]],
  );
});

test("a signal that aborts ends the wait, and the delivery may be repeated", async () => {
  const stop = new AbortController();
  const one = delivery("x");
  const waiting = pods[0].deliver(one, stop.signal);
  stop.abort(new Error("shutting down"));
  await assert.rejects(waiting, /shutting down/);
  const again = await pods[0].deliver(one, calm);
  assert.ok(again.kind === "filed" || again.kind === "duplicate");
  assert.deepEqual(await uids(pods[1]), [1]);
});

test("a store that is closing finishes what it has taken, and takes nothing more", async () => {
  const pending = [1, 2, 3].map((n) => pods[0].deliver(delivery(`${n}`), calm));
  await Promise.resolve();
  await pods[0][Symbol.asyncDispose]();
  assert.deepEqual(
    (await Promise.all(pending)).map((result) => result.kind),
    ["filed", "filed", "filed"],
  );
  await assert.rejects(pods[0].deliver(delivery("late"), calm), StoreUnavailable);
});

test("a stream that is not there makes the store unavailable, with its cause", async () => {
  await api(`STREAM.DELETE.${M0}`);
  const failed = await pods[0].status(bob, calm).catch((error: unknown) => error);
  assert.ok(failed instanceof StoreUnavailable);
  assert.ok(failed.cause instanceof Error);
});
