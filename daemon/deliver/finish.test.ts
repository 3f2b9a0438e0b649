/** The finisher over the memory queue: what an attempt leaves behind. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { draft, inline, Listener, octetsOf } from "../../test/contract/queue.ts";
import { liveOf } from "../../test/harness/directory.ts";
import { jobsFor } from "../accept/jobs.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import type { Outcome, Outgoing } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { TraceEvent } from "../queue/events.ts";
import { MemoryQueue } from "../queue/memory.ts";
import { type NewJob, QueueError } from "../queue/queue.ts";
import { type FinisherOptions, QueueFinisher } from "./finish.ts";

const delivered: Outcome = { kind: "delivered", reply: reply(250, "2.0.0", "ok"), how: "relayed" };
const deferred: Outcome = { kind: "deferred", reply: reply(451, "4.7.1", "later") };
const failed: Outcome = { kind: "failed", reply: reply(550, "5.1.1", "no such user") };
const DAY = 86_400_000;

async function setup(t: TestContext, over: Partial<FinisherOptions> = {}) {
  const queue = new MemoryQueue(systemClock);
  const heard = new Listener();
  await queue.own({ class: "relay" }, heard);
  const local = new Listener();
  await queue.own({ class: "local" }, local);
  const events: TraceEvent[] = [];
  const finisher = new QueueFinisher({
    queue,
    directory: liveOf({ domains: { "example.test": {} }, mailboxes: { "alice@example.test": {} } }),
    makeJobs: jobsFor,
    hostname: "mx.example.test",
    clock: systemClock,
    chance: () => 0.5,
    log: silent,
    record: (event) => events.push(event),
    outcome: () => {},
    ...over,
  });
  const accept = async (over: Partial<NewJob> = {}) => {
    const job = draft(over);
    await queue.accept(
      { jobs: [job], body: inline("Subject: hi\r\nMessage-ID: <1@x.test>\r\n\r\ntext\r\n") },
      t.signal,
    );
    return heard.job(job.message);
  };
  const finish = (queued: Awaited<ReturnType<typeof accept>>, ...outcomes: Outcome[]) =>
    finisher.finish(queued, outcomes, 1, t.signal);
  return { queue, heard, local, events, accept, finish };
}

const two = [{ address: "bob@example.org" as Address }, { address: "eve@example.org" as Address }];

test("delivered to all: the job is gone, and nobody is told", async (t) => {
  const { heard, local, events, accept, finish } = await setup(t);
  assert.equal(await finish(await accept(), delivered), undefined);
  assert.deepEqual([heard.jobs.size, local.jobs.size, events.map((e) => e.kind)], [0, 0, ["delivered"]]);
});

test("what somebody relies on is stored before the job is settled, and a store that is away is tried again", async (t) => {
  const kept: string[][] = [];
  let heard: Listener | undefined;
  const keep: FinisherOptions["keep"] = async (told, { policy }) => {
    assert.equal(heard?.jobs.size, 1, `the job of ${policy} is settled already`);
    kept.push(told.map(({ kind }) => kind));
    if (kept.length === 1) throw new Error("no answer");
  };
  const set = await setup(t, { keep });
  heard = set.heard;
  const sender = { path: "alice@example.test" as Address, body: "7BIT", smtputf8: false } as const;
  await set.finish(await set.accept({ sender }), failed);
  assert.deepEqual(kept, [["failed"], ["failed"]]);
  assert.deepEqual(
    set.events.map(({ kind }) => kind),
    ["dsn"],
    "what is not relied on follows",
  );
  assert.equal(set.heard.jobs.size, 0);
});

test("one delivered, one deferred: only the deferred one stays, and it is known when", async (t) => {
  const { heard, accept, finish } = await setup(t);
  const queued = await accept({ recipients: two });
  const next = await finish(queued, delivered, deferred);
  const left = heard.jobs.get(queued.key)?.job;
  assert.deepEqual(left?.recipients, [two[1]]);
  assert.equal(left?.nextAttempt, next);
  assert.equal(left?.history.at(-1)?.reply.text, "later");
});

test("what a recipient's rules send is queued in the same instant: copies and answers, a crowd before it", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const to = (name: string) => [`${name}@far.example` as Address];
  const answer = Buffer.from("Subject: away\r\n\r\nI am.\r\n");
  const sends: Outgoing[] = [
    {
      kind: "copy",
      by: "bob@example.org" as Address,
      to: to("copy"),
      prefix: "Delivered-To: bob@example.org\r\n",
    },
    { kind: "message", to: to("answer"), octets: answer },
    ...Array.from({ length: 10 }, (_, i): Outgoing => ({ kind: "message", to: to(`x${i}`), octets: answer })),
  ];
  const queued = await accept();
  await finish(queued, { ...delivered, how: "final", sends });
  assert.equal(heard.jobs.size, 12);
  assert.equal(heard.jobs.has(queued.key), false);
  const find = (address: string) =>
    [...heard.jobs.values()].find(({ job }) => job.recipients[0]?.address === address) ??
    assert.fail(address);
  const copy = find("copy@far.example");
  assert.equal(copy.job.sender.path, queued.job.sender.path);
  assert.equal(copy.job.hops, 1);
  assert.equal(
    await octetsOf(queue, copy, t.signal),
    "Delivered-To: bob@example.org\r\nSubject: hi\r\nMessage-ID: <1@x.test>\r\n\r\ntext\r\n",
  );
  const sent = find("answer@far.example");
  assert.deepEqual([sent.job.sender.path, sent.job.origin.protocol], ["", "local"]);
  assert.equal(await octetsOf(queue, sent, t.signal), answer.toString());
});

test("while events cannot be kept nothing goes out: a crowd of copies goes once, however often that is tried", async (t) => {
  let tries = 0;
  const keep: FinisherOptions["keep"] = async () => {
    if (++tries < 2) throw new Error("no answer");
  };
  const { queue, heard, accept, finish } = await setup(t, { keep });
  const octets = Buffer.from("Subject: away\r\n\r\nI am.\r\n");
  const sends = Array.from({ length: 12 }, (_, i): Outgoing => {
    return { kind: "message", to: [`x${i}@far.example` as Address], octets };
  });
  const queued = await accept();
  const accepted = t.mock.method(queue, "accept");
  await finish(queued, { ...delivered, how: "final", sends });
  assert.equal(tries, 2);
  assert.ok(accepted.mock.callCount() > 0, "there is more than fits into the batch");
  assert.equal(heard.jobs.size, 12);
});

test("failed: the sender's mailbox gets a report with a null sender, in the same instant", async (t) => {
  const { queue, heard, local, events, accept, finish } = await setup(t);
  await finish(
    await accept({ sender: { path: "alice@example.test" as Address, body: "7BIT", smtputf8: false } }),
    failed,
  );
  assert.equal(heard.jobs.size, 0);
  const [report] = [...local.jobs.values()];
  assert.ok(report);
  assert.equal(report.job.sender.path, "");
  assert.deepEqual(
    report.job.recipients.map((r) => r.address),
    ["alice@example.test"],
  );
  const text = await octetsOf(queue, report, t.signal);
  for (const part of [
    /^Final-Recipient: rfc822;\s*bob@example\.org/m,
    /^Status: 5\.1\.1/m,
    /no such user/,
    /In-Reply-To: <1@x\.test>/,
  ])
    assert.match(text, part);
  assert.deepEqual(
    events.map((e) => e.kind),
    ["failed", "dsn"],
  );
});

test("failed for a null sender: dropped, with an event, and nothing is queued", async (t) => {
  const { heard, local, events, accept, finish } = await setup(t);
  await finish(await accept({ sender: { path: "", body: "7BIT", smtputf8: false } }), failed);
  assert.deepEqual([heard.jobs.size, local.jobs.size], [0, 0]);
  assert.ok(events.some((e) => e.kind === "dropped"));
});

test("a report for a sender of ours that does not exist is dropped with an event", async (t) => {
  const { heard, local, events, accept, finish } = await setup(t);
  await finish(
    await accept({ sender: { path: "ghost@example.test" as Address, body: "7BIT", smtputf8: false } }),
    failed,
  );
  assert.deepEqual([heard.jobs.size, local.jobs.size], [0, 0]);
  assert.ok(events.some((e) => e.kind === "dropped"));
});

test("deferred beyond its lifetime: it has expired, and the sender is told with the last answer", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const old = await accept({
    queuedAt: Date.now() - 6 * DAY,
    sender: { path: "carol@example.net" as Address, body: "7BIT", smtputf8: false },
  });
  assert.equal(await finish(old, deferred), undefined);
  const [report] = [...heard.jobs.values()];
  assert.ok(report);
  const text = await octetsOf(queue, report, t.signal);
  assert.match(text, /^Status: 5\.4\.7/m);
  assert.match(text, /451 4\.7\.1 later/);
});

test("a job that was changed meanwhile is settled on its new record", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const queued = await accept({ recipients: two });
  const { key, revision, job } = queued;
  await queue.settle({ key, revision, next: { ...job, held: { since: 7 } }, also: [] });
  await finish(queued, delivered, deferred);
  const left = heard.jobs.get(key)?.job;
  assert.deepEqual([left?.recipients, left?.held], [[two[1]], { since: 7 }]);
});

test("a job that was purged meanwhile stays gone", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const queued = await accept();
  await queue.settle({ key: queued.key, revision: queued.revision, next: undefined, also: [] });
  assert.equal(await finish(queued, deferred), undefined);
  assert.equal(heard.jobs.size, 0);
});

test("a store that is away is tried until it is back: what was delivered is not forgotten", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const queued = await accept();
  queue.fail();
  const finished = finish(queued, delivered);
  setTimeout(() => queue.heal(), 50);
  assert.equal(await finished, undefined);
  assert.equal(heard.jobs.size, 0);
});

const full = new QueueError(reply(452, "4.3.1", "full"));

test("a deferral that a full store has no room for is kept in memory, and the job stays as it was", async (t) => {
  const { queue, heard, accept, finish } = await setup(t);
  const queued = await accept();
  t.mock.method(queue, "settle", () => Promise.reject(full));
  const before = Date.now();
  const next = await finish(queued, deferred);
  assert.ok(next !== undefined && next > before, "it is known when it is tried again");
  assert.equal(heard.jobs.get(queued.key)?.revision, queued.revision);
});

const owed = [
  { name: "a delivery", outcomes: [delivered, deferred] },
  { name: "a failure", outcomes: [failed, deferred] },
] as const;
for (const { name, outcomes } of owed)
  test(`${name} is written however full the store is: it waits for room`, async (t) => {
    const { queue, heard, accept, finish } = await setup(t);
    const queued = await accept({ recipients: two });
    const settle = t.mock.method(queue, "settle", () => Promise.reject(full), { times: 1 });
    await finish(queued, ...outcomes);
    assert.equal(settle.mock.callCount(), 1, "refused once");
    assert.deepEqual(heard.jobs.get(queued.key)?.job.recipients, [two[1]]);
  });
