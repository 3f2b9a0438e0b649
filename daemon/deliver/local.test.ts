import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aMailbox } from "../../test/harness/declare.ts";
import { all, calm, mailbox, pieces, text, uids } from "../../test/harness/mailboxes.ts";
import { snapshot } from "../directory/builder.ts";
import type { Declared } from "../directory/declared.ts";
import type { DomainEntry } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Address, Domain, ReversePath } from "../mail/address.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import { type MailboxStore, StoreUnavailable } from "../mailbox/store.ts";
import type { Job, JobKey, MessageId, PolicyName, Queued } from "../queue/job.ts";
import { BodyMissing, type Queue, QueueError } from "../queue/queue.ts";
import { deliverLocally, deliveryId, type LocalDelivery } from "./local.ts";

const octets = Buffer.from("Subject: hello\r\n\r\nHello.\r\n");

const world: readonly Declared[] = [
  aDomain("example.test", { aliases: { sales: ["alice@example.test"] } }),
  aMailbox("alice@example.test", {}, { name: "alice" }),
  aMailbox("bob@example.test", { quota: "80" }, { name: "bob" }),
  aMailbox("carol@example.test", { suspended: true }, { name: "carol" }),
  aMailbox("dora@example.test", { forwardTo: ["d@phone.example"] }, { name: "dora" }),
  aMailbox("erik@example.test", { forwardTo: ["e@phone.example"], keepCopy: false }, { name: "erik" }),
];
const directory = snapshot(world);

function queuedFor(recipients: readonly string[], over: Partial<Job> = {}): Queued {
  const job: Job = {
    message: "01hzy0000000000000000000aa" as MessageId,
    group: 0,
    class: "local",
    policy: "default/default" as PolicyName,
    destination: "example.test" as Domain,
    queuedAt: 1_000,
    sender: { path: "sender@example.org" as ReversePath, body: "7BIT", smtputf8: false },
    origin: { client: "192.0.2.1", helo: "client.example", protocol: "ESMTP" },
    body: { kind: "inline", size: octets.length },
    recipients: recipients.map((address) => ({ address: address as Address })),
    attempts: 0,
    nextAttempt: 1_000,
    history: [],
    ...over,
  };
  return { key: "0.local.default/default.0.x.0" as JobKey, revision: 1, job, inline: octets };
}

function attempt(
  store: Pick<MailboxStore, "deliver">,
  recipients: readonly string[],
  over: Partial<LocalDelivery> = {},
): Promise<readonly Outcome[]> {
  const queue: Pick<Queue, "body"> = { body: () => pieces(octets, 7) };
  const domain = directory.domain("example.test" as Domain) as DomainEntry;
  const queued = queuedFor(recipients);
  return deliverLocally({ queued, domain, directory, store, queue, now: 5_000, signal: calm, ...over });
}

const brief = (outcomes: readonly Outcome[]) =>
  outcomes.map(({ kind, reply: { code, enhanced } }) => `${kind} ${code} ${enhanced}`);

const memory = (): MailboxStore => new MemoryMailboxStore(systemClock);

const single = [
  ["a mailbox", "alice@example.test", "delivered 250 2.1.5"],
  ["a mailbox in other case", "ALICE@example.test", "delivered 250 2.1.5"],
  ["a mailbox with a detail", "alice+lists@example.test", "delivered 250 2.1.5"],
  ["a mailbox that is gone", "nobody@example.test", "failed 550 5.1.1"],
  ["an alias made after the message was accepted", "sales@example.test", "failed 550 5.1.1"],
  ["a suspended mailbox", "carol@example.test", "deferred 450 4.2.1"],
  ["a full mailbox", "bob@example.test", "deferred 452 4.2.2"],
  ["a mailbox that forwards and keeps", "dora@example.test", "delivered 250 2.1.5"],
  ["a mailbox that now only forwards", "erik@example.test", "delivered 250 2.1.5"],
] as const;

for (const [name, recipient, want] of single)
  test(`local delivery to ${name}`, async () => {
    assert.deepEqual(brief(await attempt(memory(), [recipient])), [want]);
  });

test("each recipient has its own outcome, in order", async () => {
  const store = memory();
  const outcomes = await attempt(store, ["nobody@example.test", "alice@example.test", "carol@example.test"]);
  assert.deepEqual(brief(outcomes), ["failed 550 5.1.1", "delivered 250 2.1.5", "deferred 450 4.2.1"]);
  assert.ok(outcomes[1]?.kind === "delivered" && outcomes[1].how === "final");
  assert.deepEqual(await uids(store, mailbox("alice@example.test")), [1]);
});

test("the copy begins with Return-Path and Delivered-To, and arrives now", async () => {
  const store = memory();
  const alice = mailbox("alice@example.test");
  await attempt(store, ["Alice+news@example.test"]);
  const head = "Return-Path: <sender@example.org>\r\nDelivered-To: Alice+news@example.test\r\n";
  assert.equal(await text(store, 1, alice), head + octets);
  const [message] = await all(store.messages(alice, "INBOX", calm));
  assert.equal(message?.internalDate, 5_000);
});

test("a DSN's copy has the null return path", async () => {
  const store = memory();
  const queued = queuedFor(["alice@example.test"], { sender: { path: "", body: "7BIT", smtputf8: false } });
  await attempt(store, [], { queued });
  assert.match((await text(store, 1, mailbox("alice@example.test"))) ?? "", /^Return-Path: <>\r\n/);
});

test("a repeated attempt is delivered, and filed once; the reply tells where", async () => {
  const store = memory();
  const [first] = await attempt(store, ["alice@example.test"]);
  assert.equal(first?.reply.text, "Filed in INBOX as UID 1");
  const again = await attempt(store, ["alice@example.test"], { now: 9_000 });
  assert.deepEqual(brief(again), ["delivered 250 2.1.5"]);
  assert.equal(again[0]?.reply.text, "Filed by an earlier attempt");
  assert.deepEqual(await uids(store, mailbox("alice@example.test")), [1]);
});

test("delivery ids tell messages and recipients apart, not their case, and fit any store", () => {
  const ids = [
    deliveryId("m1" as MessageId, "a@x.test" as Address),
    deliveryId("m2" as MessageId, "a@x.test" as Address),
    deliveryId("m1" as MessageId, "b@x.test" as Address),
  ];
  assert.equal(new Set(ids).size, 3);
  assert.equal(ids[0], deliveryId("m1" as MessageId, "A@X.test" as Address));
  for (const id of ids) assert.match(id, /^[\w-]{22}$/);
});

const store503 = { deliver: () => Promise.reject(new StoreUnavailable("away")) };
const bodyFails = (error: Error): Partial<LocalDelivery> => ({
  queue: {
    // biome-ignore lint/correctness/useYield: a body that fails before its first octet
    async *body() {
      throw error;
    },
  },
});

test("what is not available now is tried again later", async () => {
  assert.deepEqual(brief(await attempt(store503, ["alice@example.test"])), ["deferred 451 4.3.0"]);
  const queueAway = bodyFails(new QueueError(reply(451, "4.3.0", "away")));
  const outcomes = await attempt(memory(), ["alice@example.test"], queueAway);
  assert.deepEqual(brief(outcomes), ["deferred 451 4.3.0"]);
});

test("a message whose octets are gone fails: the sender must know", async () => {
  const outcomes = await attempt(memory(), ["alice@example.test"], bodyFails(new BodyMissing("gone")));
  assert.deepEqual(brief(outcomes), ["failed 554 5.3.0"]);
});

test("an abort and a fault of ours are no outcome", async () => {
  const reason = new Error("stop");
  const aborted = attempt(memory(), ["alice@example.test"], { signal: AbortSignal.abort(reason) });
  await assert.rejects(aborted, reason);
  const broken = { deliver: () => Promise.reject(new TypeError("a bug")) };
  await assert.rejects(attempt(broken, ["alice@example.test"]), TypeError);
});

test("the sender's own copy goes into Sent, read, with the Bcc that nobody else sees, beside a delivery to oneself", async () => {
  const store = memory();
  const alice = "alice@example.test" as Address;
  const sent = { address: alice, sent: { bcc: "Bcc: x@far.example\r\n" } };
  const copy = queuedFor([], { recipients: [sent] });
  for (let i = 0; i < 2; i++)
    assert.equal((await attempt(store, [], { queued: copy }))[0]?.kind, "delivered");
  await attempt(store, [alice]);
  const [message, ...others] = await all(store.messages(mailbox(alice), "Sent", calm));
  assert.deepEqual([message?.flags, others], [["\\Seen"], []]);
  const copied = await text(store, message?.uid ?? assert.fail(), mailbox(alice), "Sent");
  assert.equal(copied, "Bcc: x@far.example\r\nSubject: hello\r\n\r\nHello.\r\n");
  assert.deepEqual(await uids(store, mailbox(alice)), [1]);
});
