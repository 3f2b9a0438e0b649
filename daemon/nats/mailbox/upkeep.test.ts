import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { emptyMailboxStore } from "../../../test/harness/mailbox-store.ts";
import { bob, calm, checkFigures, delivery, prefix, text } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import { unhurried } from "../../../test/harness/patient.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Reader } from "./reader.ts";
import { decodeHead, decodeLedger, encodeHead, encodeLedger } from "./records.ts";
import type { JetStreamMailboxStore } from "./store.ts";
import {
  chunkSubject,
  deliverySubject,
  headSubject,
  ledgerSubject,
  mailStream,
  recordSubject,
} from "./subjects.ts";

let nats: TestNats;
let link: Link;
let store: JetStreamMailboxStore;
let reader: Reader;
let commit: GroupCommit;
const M0 = mailStream(0);

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

const first = delivery("one", { bodyId: "body-one", deliveryId: "id-one" });
afterEach(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  store = await emptyMailboxStore(link);
  await store.deliver(first, calm);
  await store.deliver(delivery("two", { folder: "Work", flags: ["\\Seen"] }), calm);
});

const purge = (subject: string) =>
  link.nc.request(`$JS.API.STREAM.PURGE.${M0}`, JSON.stringify({ filter: subject }));

async function changeLedger(change: (ledger: ReturnType<typeof decodeLedger>) => object): Promise<void> {
  const subject = ledgerSubject(0, bob);
  const found = await reader.last(subject);
  const ledger = decodeLedger(found?.data ?? Buffer.alloc(0));
  await commit.commit([{ subject, data: encodeLedger({ ...ledger, ...change(ledger) }) }]);
}

const record = (folder: number, uid: number) => recordSubject(0, bob, folder, uid);
const mark = deliverySubject(0, first.bodyId, bob, first.deliveryId);

const damages = [
  {
    name: "figures that are wrong",
    damage: () =>
      changeLedger(({ folders }) => ({
        bytes: 7,
        folders: folders.map((f) => ({ ...f, unseen: f.unseen + 3, messages: 9 })),
      })),
    problem: /the ledger says 9 messages, the records 1/,
  },
  {
    name: "a UIDNEXT that was used",
    damage: () => changeLedger(({ folders }) => ({ folders: folders.map((f) => ({ ...f, uidNext: 1 })) })),
    problem: /UID 1 is used, and UIDNEXT is 1/,
  },
  {
    name: "a mod-sequence that is too low",
    damage: () => changeLedger(({ folders }) => ({ folders: folders.map((f) => ({ ...f, modseq: 0 })) })),
    problem: /has mod-sequence \d+, the folder only 0/,
  },
  {
    name: "a folder that the ledger has lost",
    damage: () =>
      changeLedger(({ folders }) => ({
        folders: folders.filter(({ name }) => name !== "Work"),
        messages: 1,
      })),
    problem: /lies in a folder that does not exist/,
  },
  { name: "a mark that is lost", damage: () => purge(mark), problem: /no mark protects its body/ },
  { name: "a record that is lost", damage: () => purge(record(1, 1)), problem: /there is no message to it/ },
  {
    name: "a digest that is lost",
    damage: () => purge(headSubject(0, first.bodyId)),
    problem: /its body has no digest/,
  },
  {
    name: "a head that was doomed",
    damage: async () => {
      const subject = headSubject(0, first.bodyId);
      const head = decodeHead((await reader.last(subject))?.data ?? Buffer.alloc(0));
      await commit.commit([{ subject, data: encodeHead({ ...head, doomed: true }) }]);
    },
    problem: /is marked as doomed/,
  },
] as const;

for (const { name, damage, problem } of damages)
  test(`${name}: found, explained, mended`, async () => {
    assert.deepEqual(await store.verify(bob, calm), []);
    await damage();
    const found = await store.verify(bob, calm);
    assert.ok(
      found.some((finding) => problem.test(finding.problem) && finding.mendable),
      JSON.stringify(found),
    );
    assert.deepEqual(await store.repair(bob, calm), found);
    assert.deepEqual(await store.verify(bob, calm), []);
    await checkFigures(store);
    assert.equal((await store.deliver(delivery("three"), calm)).kind, "filed");
    assert.deepEqual(await store.verify(bob, calm), []);
  });

test("messages of a lost folder come into one named Recovered", async () => {
  await changeLedger(({ folders }) => ({
    folders: folders.filter(({ name }) => name !== "Work"),
    messages: 1,
  }));
  await store.repair(bob, calm);
  assert.equal(await text(store, 1, bob, "Recovered"), `${prefix}two`);
});

test("octets that are lost are told, and nothing pretends to mend them", async () => {
  await purge(chunkSubject(0, first.bodyId, 0));
  const [finding, ...more] = await store.verify(bob, calm);
  assert.match(finding?.problem ?? "", /1 of 1 chunks of its body are lost/);
  assert.equal(finding?.mendable, false);
  assert.deepEqual(more, []);
  assert.deepEqual(await store.repair(bob, calm), []);
});

test("a mailbox that nobody ever wrote to is consistent", async () => {
  assert.deepEqual(await store.verify("nobody@example.org" as typeof bob, calm), []);
});
