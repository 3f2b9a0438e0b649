/**
 * What a namespace's user can do, against a real nats-server that knows only the operator's signature: the whole queue contract
 * as such a user. What it cannot do is in `refused.test.ts`.
 */
import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { draft, inline, Listener, octetsOf, queueContract } from "../../../test/contract/queue.ts";
import { purge } from "../../../test/harness/purge.ts";
import { shared, startTenants, tenant } from "../../../test/harness/tenants.ts";
import { untilTrue } from "../../../test/harness/until.ts";
import { systemClock } from "../../kit/clock.ts";
import { silent } from "../../kit/log.ts";
import { newMessageId } from "../../queue/ids.ts";
import type { JobKey, MessageId, PolicyName } from "../../queue/job.ts";
import type { Pool } from "../../queue/queue.ts";
import { encodeJob, keyOf, makeKey, subjectOf } from "../codec.ts";
import type { Link } from "../connect.ts";
import { EventLog, readEvents } from "../events.ts";
import { answerFigures, askFigures } from "../figures.ts";
import { answerInquiries, inquire } from "../inquiries.ts";
import { JetStreamQueue } from "../queue.ts";
import { lastOnSubject } from "../read.ts";

const world = await startTenants("default", { mailboxes: true });
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

const common = { clock: systemClock, log: silent, shards: 1, partitions: 64, bodyTtlSeconds: () => 3_600 };
const queueOn = (link: Link) => new JetStreamQueue({ ...common, link }).start();
const signal = () => AbortSignal.timeout(60_000);

queueContract("confined to a namespace", async () => {
  for (const stream of ["Q0", "B0"]) await purge(all, stream);
  await purge(all, "OWN", "own.default.>");
  return queueOn(own);
});

test("a large body is removed with its last job, also by a confined user", async () => {
  await purge(all, "B0");
  await using queue = await queueOn(own);
  const message = queue.newId();
  const writer = queue.openBody(message, signal());
  for (let i = 0; i < 12; i++) await writer.write(Buffer.alloc(256 << 10, "x"));
  const jobs = [0, 1].map((group) => draft({ message, group }));
  await queue.accept({ jobs, body: await writer.finish() }, signal());
  assert.equal(await chunks(), 12);
  for await (const { key, revision, job } of queue.list(signal())) {
    if (job.message !== message) continue;
    assert.equal((await octetsOf(queue, { key, revision, job }, signal())).length, 12 * (256 << 10));
    await queue.settle({ key, revision, next: undefined, also: [] }, signal());
    queue.forget(key, job);
  }
  await queue[Symbol.asyncDispose]();
  assert.equal(await chunks(), 0);
});

/** Those that are not markers. */
async function chunks(): Promise<number> {
  const answer = await all.nc.request("$JS.API.STREAM.INFO.B0", JSON.stringify({ subjects_filter: "b0.>" }));
  const { state } = answer.json<{ state: { subjects?: Record<string, number> } }>();
  let there = 0;
  for (const subject of Object.keys(state.subjects ?? {}))
    if ((await lastOnSubject(all, "B0", subject))?.data.length) there++;
  return there;
}

test("a body that another namespace's job needs too is left to those who see both", async () => {
  await using everywhere = await queueOn(await linkOf(shared));
  const message = newMessageId(Date.now());
  const policies = ["default/default", "team-b/default"] as PolicyName[];
  const jobs = policies.map((policy, group) => draft({ message, group, policy }));
  await everywhere.accept({ jobs, body: inline("x".repeat(100_000)) }, signal());
  await using queue = await queueOn(own);
  for await (const { key, revision, job } of queue.list(signal())) {
    if (job.message !== message) continue;
    await queue.settle({ key, revision, next: undefined, also: [] }, signal());
    queue.forget(key, job);
  }
  await queue[Symbol.asyncDispose]();
  for await (const queued of everywhere.list(signal()))
    if (queued.job.message === message)
      assert.equal((await octetsOf(everywhere, queued, signal())).length, 100_000);
});

const opened: Link[] = [];
after(async () => {
  for (const link of opened) await link[Symbol.asyncDispose]();
});
async function linkOf(user: Parameters<typeof world.link>[0]): Promise<Link> {
  const link = await world.link(user);
  opened.push(link);
  return link;
}

test("two confined relays share a policy's partitions; the owner of everything is refused beside them", async () => {
  const policy = "default/shared-out" as PolicyName;
  const pools = [await queueOn(await linkOf(tenant("default"))), await queueOn(own)] as const;
  const heard = [new Listener(), new Listener()] as const;
  const owners = [];
  for (const i of [0, 1] as const)
    owners.push(await pools[i].own({ class: "relay", policy }, heard[i], signal()));
  await untilTrue("the partitions to be shared", () => {
    const [a, b] = heard.map(({ partitions }) => partitions.size) as [number, number];
    return a > 0 && b > 0 && a + b === 64;
  });
  const everywhere = await queueOn(await linkOf(shared));
  await assert.rejects(everywhere.own({ class: "relay" }, new Listener(), signal()), { name: "RivalOwners" });
  for (const owner of owners) await owner.release();
  await using _all = await everywhere.own({ class: "relay" }, new Listener(), signal());
  await assert.rejects(pools[1].own({ class: "relay", policy }, new Listener(), signal()), {
    name: "RivalOwners",
  });
  for (const queue of [...pools, everywhere]) await queue[Symbol.asyncDispose]();
});

test("the last word on a subject is the leader's: a record, its change, its end, and nothing", async () => {
  const subject = "q0.relay.default.x.1.read.0";
  assert.equal(await lastOnSubject(own, "Q0", subject), undefined);
  for (const text of ["one", "two", ""]) {
    await all.nc.request(subject, text);
    const record = await lastOnSubject(own, "Q0", subject);
    assert.equal(Buffer.from(record?.data ?? "?").toString(), text);
    assert.deepEqual([record?.sequence, record?.subject], [await sequenceOf(subject), subject]);
  }
  await assert.rejects(lastOnSubject(own, "Q0", "q0.relay.team-b.x.1.read.0", 2_000), { kind: "away" });
});
const sequenceOf = async (subject: string) => (await lastOnSubject(all, "Q0", subject))?.sequence;

test("trace events are written and read within the namespace", async () => {
  const message = newMessageId(Date.now());
  await using log = new EventLog({ link: own, clock: systemClock, log: silent });
  const about = { policy: "default/default" as PolicyName, direction: "outbound" } as const;
  log.tell({ kind: "purged", at: Date.now(), message }, about);
  await log[Symbol.asyncDispose]();
  assert.equal((await readEvents(own, message, silent)).length, 1);
  assert.equal((await readEvents(all, message, silent)).length, 1);
  assert.equal((await readEvents(await linkOf(tenant("team-b")), message, silent)).length, 0);
});

test("figures are told to whoever may ask", async () => {
  const policy = "default/figures" as PolicyName;
  const pool = { class: "relay", policy } as const;
  const count = () => ({ due: 1, deferred: 2, oldestDueMs: 3, sessions: 4 });
  using _answer = answerFigures({ link: own, pool, speaker: { member: "m", pod: "p" }, count, log: silent });
  await own.nc.flush();
  const { figures, missing } = await askFigures({ link: all, pool, pods: ["p"], signal: signal() });
  assert.deepEqual([figures, missing], [[{ member: "m", pod: "p", ...count() }], []]);
});

test("a namespace's daemons are asked by each other, and by who sees everything; others are neither asked nor heard", async () => {
  const elsewhere = await linkOf(tenant("team-b"));
  const answering = (link: Link, member: string, pool: Pool) =>
    answerInquiries({ link, pool, member, partitions: () => [0], answer: async () => member, log: silent });
  const nearby = await linkOf(tenant("default"));
  using _near = answering(nearby, "near", { class: "local", namespace: "default" });
  using _policy = answering(all, "policy", { class: "relay", policy: "default/bulk" as PolicyName });
  using _far = answering(elsewhere, "far", { class: "local", namespace: "team-b" });
  using _every = answering(all, "every", { class: "relay" });
  await Promise.all([all, elsewhere, nearby].map(({ nc }) => nc.flush()));
  const heard = async (link: Link, ...namespaces: string[]) => {
    const { said, missing } = await inquire<string>({ link, namespaces, inquiry: {}, signal: signal() });
    return [
      said
        .map(({ answer }) => answer)
        .sort()
        .join(),
      missing.join(),
    ];
  };
  // Who is heard late is missing for once; who must not be heard never is.
  const are = (wanted: string, link: Link, ...namespaces: string[]) =>
    untilTrue(`${wanted} to be heard`, async () => {
      const [said = "", missing] = await heard(link, ...namespaces);
      for (const one of said.split(",").filter(Boolean)) assert.ok(wanted.split(",").includes(one), one);
      return said === wanted && missing === "";
    });
  await are("near,policy", own, "default", "team-b");
  await are("far", elsewhere);
  await are("every,far,near,policy", all, "default", "team-b");
});

const other = "team-b";
/** The server answers where a question says, also where the one who asks may not write. docs/security.md */
test("what is written by way of the server's answers is not believed", async () => {
  const policy = `${other}/forged` as PolicyName;
  const theirs = await linkOf(tenant(other));
  const queue = await queueOn(theirs);
  const heard = new Listener();
  const owner = await queue.own({ class: "relay", policy }, heard, signal());
  await heard.until(() => heard.partitions.size === 64);
  const forged = aJob(policy);
  await publish(own.nc, `q0.relay.default.mine.1.${forged.message}.0`, forged.data);
  await ask(
    own.nc,
    `$JS.API.DIRECT.GET.Q0.q0.relay.default.mine.1.${forged.message}.0`,
    subjectOf(forged.key),
  );
  await untilStored(subjectOf(forged.key));
  const honest = draft({ policy });
  await queue.accept({ jobs: [honest], body: inline("x") }, signal());
  await heard.job(honest.message);
  assert.deepEqual(
    [...heard.jobs.values()].map(({ job }) => job.message),
    [honest.message],
  );
  for await (const { job } of queue.list(signal())) assert.notEqual(job.message, forged.message);
  await owner.release();
  await queue[Symbol.asyncDispose]();
});

function aJob(policy: PolicyName): { key: JobKey; message: MessageId; data: Uint8Array } {
  const job = draft({ policy });
  const data = encodeJob({ ...job, body: { kind: "inline", size: 1 } }, Buffer.from("x"));
  const key = keyOf(subjectOf(makeKey(0, 64, job)));
  return { key, message: job.message, data };
}
const publish = (nc: NatsConnection, subject: string, data: Uint8Array) =>
  nc.request(subject, data, { timeout: 10_000 });
async function ask(nc: NatsConnection, subject: string, reply: string): Promise<void> {
  nc.publish(subject, "", { reply });
  await nc.flush();
}
async function untilStored(subject: string, t?: TestContext): Promise<void> {
  while (!(await lastOnSubject(all, "Q0", subject))) await systemClock.sleep(10, t?.signal);
}
