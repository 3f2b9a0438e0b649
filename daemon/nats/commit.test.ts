/** Group commit against a real nats-server: atomicity, conflicts among strangers, lost answers, outages. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { GroupCommit } from "./commit.ts";
import { connectNats, type Link } from "./connect.ts";
import { Conflict, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";

let nats: TestNats;
let link: Link;
const STREAM = "T";

before(async () => {
  nats = await startNats();
  const { url, user, password } = nats;
  link = await connectNats(
    { servers: [url], credential: { kind: "password", user, password }, name: "test" },
    silent,
  );
  const config = { name: STREAM, subjects: ["t.>"], storage: "file", retention: "limits", discard: "new" };
  const rest = {
    max_msgs_per_subject: 1,
    num_replicas: 1,
    allow_atomic: true,
    allow_msg_ttl: true,
    allow_direct: true,
  };
  const answer = await link.nc.request(
    `$JS.API.STREAM.CREATE.${STREAM}`,
    JSON.stringify({ ...config, ...rest }),
  );
  assert.equal(answer.json<{ error?: unknown }>().error, undefined);
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const octets = (text: string) => Buffer.from(text);
const text = async (subject: string) => {
  const record = await lastOnSubject(link, STREAM, subject);
  return record && Buffer.from(record.data).toString();
};
const open = (over: Partial<ConstructorParameters<typeof GroupCommit>[1]> = {}) =>
  new GroupCommit(link, { stream: STREAM, log: silent, clock: systemClock, ...over });

test("many units of one moment are one batch", async () => {
  const batches: number[] = [];
  const group = open({ observe: (entries) => batches.push(entries) });
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      group.commit([{ subject: `t.one.${i}`, data: octets("x"), expect: 0 }]),
    ),
  );
  assert.deepEqual(batches, [50]);
});

test("an entry that is alone is no batch, and conflicts like one", async () => {
  const group = open();
  const first = await group.commit([{ subject: "t.alone", data: octets("x"), expect: 0 }]);
  const record = await lastOnSubject(link, STREAM, "t.alone");
  assert.equal(record?.sequence, first);
  assert.equal(record?.header("Nats-Batch-Id"), undefined);
  assert.ok(record?.header("Postfleet-Commit"), "it can be told again should its answer be lost");
  await assert.rejects(group.commit([{ subject: "t.alone", data: octets("y"), expect: 0 }]), Conflict);
  const next = await group.commit([{ subject: "t.alone", data: octets(""), expect: first, ttl: "600s" }]);
  assert.equal(next, first + 1);
  await group.commit([
    { subject: "t.pair.a", data: octets("a"), expect: 0 },
    { subject: "t.pair.b", data: octets("b"), expect: 0 },
  ]);
  assert.ok((await lastOnSubject(link, STREAM, "t.pair.b"))?.header("Nats-Batch-Id"));
});

test("a few units of one entry are messages of their own, in their order; one that conflicts fails alone", async () => {
  const group = open();
  await group.commit([{ subject: "t.few.2", data: octets("before"), expect: 0 }]);
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, (_, i) =>
      group.commit([{ subject: `t.few.${i}`, data: octets(`few ${i}`), expect: 0 }]),
    ),
  );
  const stored = results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual(
    stored,
    Array.from(stored, (_, i) => (stored[0] as number) + i),
  );
  assert.equal(await text("t.few.2"), "before");
  assert.equal((await lastOnSubject(link, STREAM, "t.few.4"))?.header("Nats-Batch-Id"), undefined);
});

test("a unit that conflicts fails alone, and none of it is stored", async () => {
  const group = open();
  await group.commit([{ subject: "t.c.taken", data: octets("first"), expect: 0 }]);
  const results = await Promise.allSettled([
    group.commit([{ subject: "t.c.a", data: octets("a"), expect: 0 }]),
    group.commit([
      { subject: "t.c.half", data: octets("half"), expect: 0 },
      { subject: "t.c.taken", data: octets("second"), expect: 0 },
    ]),
    group.commit([{ subject: "t.c.b", data: octets("b"), expect: 0 }]),
  ]);
  assert.deepEqual(
    results.map((r) => r.status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.ok((results[1] as PromiseRejectedResult).reason instanceof Conflict);
  assert.deepEqual(
    [await text("t.c.half"), await text("t.c.taken"), await text("t.c.a")],
    [undefined, "first", "a"],
  );
});

test("two changes of one subject in one moment are stored one after the other", async () => {
  const group = open();
  const first = group.commit([{ subject: "t.order", data: octets("1") }]);
  const second = group.commit([{ subject: "t.order", data: octets("2") }]);
  await Promise.all([first, second]);
  assert.equal(await text("t.order"), "2");
  assert.equal(await second, (await first) + 1);
});

const NEVER_MS = 60_000;
const soon = (group: GroupCommit, names: readonly string[]) =>
  names.map((name) => group.commitSoon([{ subject: `t.soon.${name}`, data: octets(name) }]));

test("what somebody waits for goes before what can wait, which comes in its time", async () => {
  // Time stands still, so that a busy disk may take any of it over the hurried ones: who can wait has always just come.
  const group = open({ patienceMs: 200, clock: { ...systemClock, monotonic: () => 0 } });
  const patient = soon(group, ["p1", "p2", "p3"]);
  const hurried = await Promise.all([
    group.commit([{ subject: "t.soon.h1", data: octets("h1") }]),
    group.commit([{ subject: "t.soon.h2", data: octets("h2") }]),
  ]);
  assert.equal(group.waiting, 3, "nothing took them along");
  const sequences = await Promise.all(patient);
  assert.ok(Math.min(...sequences) > Math.max(...hurried));
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => a - b),
  );
});

test("what can wait goes along with a batch that is needed anyway", async () => {
  const batches: number[] = [];
  const group = open({ patienceMs: NEVER_MS, observe: (entries) => batches.push(entries) });
  const patient = soon(group, ["q1", "q2"]);
  await group.commit([
    { subject: "t.soon.a", data: octets("a") },
    { subject: "t.soon.b", data: octets("b") },
  ]);
  await Promise.all(patient);
  assert.deepEqual(batches, [4]);
});

test("many that can wait need nobody to take them along", async () => {
  const batches: number[] = [];
  const group = open({ patienceMs: NEVER_MS, observe: (entries) => batches.push(entries) });
  const names = Array.from({ length: 40 }, (_, i) => `many${i}`);
  const some = soon(group, names.slice(0, 2));
  await new Promise(setImmediate); // they are waited with already
  await Promise.all([...some, ...soon(group, names.slice(2))]);
  assert.deepEqual(batches, [40]);
});

test("a change of a subject does not overtake one that can wait", async () => {
  const group = open({ patienceMs: NEVER_MS });
  const [first] = soon(group, ["same"]);
  const second = await group.commit([{ subject: "t.soon.same", data: octets("second") }]);
  assert.ok(((await first) as number) < second);
  assert.equal(await text("t.soon.same"), "second");
});

test("a frozen store answers late, and nothing is stored twice or refused", {
  timeout: 300_000,
}, async () => {
  const group = open({ answerMs: 300, timeoutMs: 120_000 });
  nats.freeze();
  const unit = group.commit([{ subject: "t.frozen", data: octets("once"), expect: 0 }]);
  setTimeout(() => nats.thaw(), 1_500);
  await unit;
  assert.equal(await text("t.frozen"), "once");
});

test("while the store is frozen, each of many units fails at its own time limit", {
  timeout: 300_000,
}, async () => {
  const took: number[] = [];
  // One after the other, their questions would take 18 seconds each time. A machine may stand still once or twice.
  for (let round = 0; round < 4 && !took.some((ms) => ms < 9_000); round++) {
    const group = open({ answerMs: 300, timeoutMs: 1_000 });
    nats.freeze();
    const began = performance.now();
    const units = Array.from({ length: 60 }, (_, i) =>
      group.commit([{ subject: `t.many.${round}.${i}`, data: octets("x"), expect: 0 }]),
    );
    const results = await Promise.allSettled(units);
    took.push(performance.now() - began);
    nats.thaw();
    assert.ok(results.every((r) => r.status === "rejected" && (r.reason as StoreFault).kind === "away"));
  }
  assert.ok(Math.min(...took) < 9_000, `${took} ms`);
});

test("a killed store is waited for", { timeout: 300_000 }, async () => {
  const group = open();
  await nats.kill9();
  const unit = group.commit([{ subject: "t.killed", data: octets("kept"), expect: 0 }]);
  await nats.restart();
  await unit;
  assert.equal(await text("t.killed"), "kept");
});

test("a store that stays away fails the unit at its time limit, as `away`", {
  timeout: 300_000,
}, async () => {
  const group = open();
  await nats.kill9();
  const failed = await group.commit([{ subject: "t.away", data: octets("?") }], 400).catch((e: unknown) => e);
  assert.ok(failed instanceof StoreFault);
  assert.equal(failed.kind, "away");
  await nats.restart();
  await link.up(AbortSignal.timeout(120_000));
});

test("more than the server takes in a message is refused as too large", async () => {
  const failed = await open()
    .commit([{ subject: "t.big", data: Buffer.alloc(2 << 20) }])
    .catch((e: unknown) => e);
  assert.ok(failed instanceof StoreFault);
  assert.equal(failed.kind, "tooLarge");
});

test("a write without permission is refused at once, and costs its own unit only", {
  timeout: 300_000,
}, async (t) => {
  const auth = `authorization { users: [{user: "test", password: "secret", permissions: {publish: {deny: ["d.no"]}}}] }\n`;
  const strict = await startNats(t, { auth });
  const credential = { kind: "password", user: "test", password: "secret" } as const;
  await using one = await connectNats({ servers: [strict.url], credential, name: "test" }, silent);
  await (await jetstreamManager(one.nc)).streams.add({ name: "D", subjects: ["d.>"], allow_atomic: true });
  const group = new GroupCommit(one, { stream: "D", log: silent, clock: systemClock });
  const leave = t.mock.method(one, "leave");
  const units = ["d.a", "d.no", "d.b"].map((subject) => group.commit([{ subject, data: octets("x") }]));
  const results = await Promise.allSettled(units);
  assert.deepEqual(
    results.map((r) => (r.status === "fulfilled" ? "stored" : (r.reason as StoreFault).kind)),
    ["stored", "refused", "stored"],
  );
  assert.equal(leave.mock.callCount(), 0);
});

test("when nobody answers for the stream for longer than a leader is chosen, another server is asked for", async () => {
  const left: string[] = [];
  const leaving = new Proxy(link, {
    get(target, name) {
      if (name === "leave") return (why: string) => left.push(why);
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  // Time flies, so that the test need not wait for it.
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 40 };
  const group = new GroupCommit(leaving, { stream: "NONE", log: silent, clock });
  const known = new GroupCommit(leaving, { stream: STREAM, log: silent, clock: systemClock });
  await known.commit([{ subject: "t.led", data: octets("x") }]);
  assert.deepEqual(left, [], "a stream that is led");
  await assert.rejects(group.commit([{ subject: "none.there", data: octets("x") }]), { kind: "away" });
  assert.ok(left.length > 0 && left.every((why) => why === "nobody answers for NONE"));
});
