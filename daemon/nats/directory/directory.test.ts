import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { aDomain, aMailbox } from "../../../test/harness/declare.ts";
import {
  connect,
  eventually,
  fresh,
  has,
  master,
  publisherOn,
  recorder,
  soon,
  vault,
  watcherOn,
  withServer,
  world,
} from "../../../test/harness/directory-bucket.ts";
import { until } from "../../../test/harness/until.ts";
import { type Declared, declaredKey } from "../../directory/declared.ts";
import type { Directory } from "../../directory/directory.ts";
import { silent } from "../../kit/log.ts";
import type { Address, Domain } from "../../mail/address.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { PolicyName } from "../../queue/job.ts";
import { acknowledge, watchAcks } from "./acks.ts";
import { namespaceKey } from "./keys.ts";
import { encode, subjectOf } from "./record.ts";
import { Vault } from "./vault.ts";
import { watchDirectory } from "./watch.ts";

withServer();

test("what is published is what a daemon sees, secrets included", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  assert.deepEqual(await publisher.publish(world, soon()), { revision: 1, put: 3, removed: 0 });
  const directory = (await watcherOn(t, await connect(t))).current();
  assert.equal(directory.revision, 1);
  assert.equal(directory.resolve("alice@example.test" as Address).kind, "mailbox");
  assert.equal(
    directory.mailbox("alice@example.test" as MailboxName)?.passwordHash,
    "$argon2id$hash-of-alice",
  );
  const route = directory.policy("default/default" as PolicyName)?.elsewhere.route;
  assert.deepEqual(route?.kind === "smarthost" && route.auth, {
    username: "shop",
    password: "smarthost-secret",
  });
});

test("no secret lies in the bucket in plain text", () => {
  for (const one of world) {
    const text = Buffer.from(encode(one, vault)).toString();
    assert.ok(!text.includes("hash-of-alice") && !text.includes("smarthost-secret"), text);
    assert.ok(!text.includes("shop"), text);
  }
});

test("keys are valid in a key-value bucket, and no two names share one", () => {
  const names = ["a.b", "a-b", "a", "b"];
  const subjects = names.map((name) => subjectOf(aMailbox("x@example.test", {}, { name })));
  assert.equal(new Set(subjects).size, names.length);
  for (const subject of subjects)
    assert.match(subject, /^\$KV\.directory\.mailbox\.default\.[-/_=a-zA-Z0-9]+$/);
});

test("only what differs is written", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish(world, soon());
  assert.deepEqual(await publisher.publish([...world].reverse(), soon()), {
    revision: 1,
    put: 0,
    removed: 0,
  });
  const bob = aMailbox("bob@example.test", {}, { name: "bob" });
  assert.deepEqual(await publisher.publish([...world, bob], soon()), { revision: 2, put: 1, removed: 0 });
  assert.deepEqual(await publisher.publish(world.slice(0, 1), soon()), { revision: 3, put: 0, removed: 3 });
  const again = await publisherOn(t, await connect(t));
  assert.deepEqual(await again.publish(world.slice(0, 1), soon()), { revision: 3, put: 0, removed: 0 });
});

test("what is not decided upon stays as it is, and counts", async (t) => {
  const link = await fresh(t);
  await (await publisherOn(t, link)).publish(world, soon());
  const [domain, mailbox, policy] = world as [Declared, Declared, Declared];
  const successor = await publisherOn(t, await connect(t));
  const never = { kind: "Mailbox", namespace: "default", name: "never-published" } as const;
  assert.deepEqual(await successor.publish([domain], soon(), [mailbox, never]), {
    revision: 2,
    put: 0,
    removed: 1, // the policy
  });
  const daemon = await watcherOn(t, await connect(t));
  assert.ok(has("alice@example.test")(daemon.current()));
  assert.deepEqual(await successor.publish([domain, policy], soon(), [mailbox]), {
    revision: 3,
    put: 1,
    removed: 0,
  });
  await eventually(daemon, ({ revision }) => revision === 3);
  assert.ok(has("alice@example.test")(daemon.current()));
});

test("a publisher tells from what the record in force was made, as long as its key is in force, too", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  const alice = aMailbox("alice@example.test", { passwordHash: "$argon2id$hash" }, { name: "alice" });
  await publisher.publish([{ ...alice, source: "generation 1, secret 7" }], soon());
  assert.equal(publisher.sourceOf(alice), "generation 1, secret 7");
  assert.equal((await publisherOn(t, link)).sourceOf(alice), "generation 1, secret 7");
  const otherKey = await publisherOn(t, link, { vault: new Vault([randomBytes(32)]) });
  assert.equal(otherKey.sourceOf(alice), undefined);
});

test("fields in another order are no difference", async (t) => {
  const publisher = await publisherOn(t, await fresh(t));
  const domain = aDomain("example.test");
  await publisher.publish([domain], soon());
  const spec = Object.fromEntries(Object.entries(domain.spec).reverse()) as typeof domain.spec;
  assert.equal((await publisher.publish([{ ...domain, spec }], soon())).put, 0);
});

test("the hash in force is known after a restart", async (t) => {
  const link = await fresh(t);
  await (await publisherOn(t, link)).publish(world, soon());
  const next = await publisherOn(t, await connect(t));
  const alice = "Mailbox/default/alice" as Parameters<typeof next.secretsInForce>[0];
  assert.deepEqual(next.secretsInForce(alice), { passwordHash: "$argon2id$hash-of-alice" });
  await next.publish(world.slice(0, 1), soon());
  assert.equal(next.secretsInForce(alice), undefined);
});

test("a daemon hears changes and deletions", async (t) => {
  const publisher = await publisherOn(t, await fresh(t));
  await publisher.publish(world, soon());
  const live = await watcherOn(t, await connect(t));
  const bob = aMailbox("bob@example.test", {}, { name: "bob" });
  await publisher.publish([...world, bob], soon());
  await eventually(live, has("bob@example.test"));
  await publisher.publish(world.slice(0, 1), soon());
  const last = await eventually(live, (directory) => directory.revision === 3);
  assert.deepEqual([...last.mailboxes()], []);
  assert.equal(last.resolve("alice@example.test" as Address).kind, "unknown");
});

test("a daemon that starts first waits for the first publish, even without a bucket", async (t) => {
  const link = await fresh(t);
  const starting = watcherOn(t, await connect(t));
  const publisher = await publisherOn(t, link);
  await publisher.publish([], soon());
  assert.equal((await starting).current().revision, 1);
});

test("a long wait for the first publish is told, with the remedy", async (t) => {
  const link = await fresh(t);
  const told = Promise.withResolvers<string>();
  const log = { ...silent, warn: (_: unknown, sentence: string) => told.resolve(sentence) };
  const starting = watcherOn(t, await connect(t), { log, silenceMs: 10 });
  assert.match(
    await told.promise,
    /nothing has been published yet; one daemon must be given resources with -f/,
  );
  const publisher = await publisherOn(t, link);
  await publisher.publish([], soon());
  await starting;
});

test("the wait for a first state ends with its signal", async (t) => {
  const link = await fresh(t);
  const stop = new AbortController();
  const waiting = watchDirectory({ link, vault, log: silent, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

test("thousands of changes appear as one", async (t) => {
  const publisher = await publisherOn(t, await fresh(t));
  await publisher.publish([aDomain("example.test")], soon());
  const live = await watcherOn(t, await connect(t));
  const seen: number[] = [];
  live.onChange((directory) => seen.push([...directory.mailboxes()].length));
  const many = Array.from({ length: 2_500 }, (_, i) => aMailbox(`u${i}@example.test`, {}, { name: `u${i}` }));
  await publisher.publish([aDomain("example.test"), ...many], soon());
  await eventually(live, has("u2499@example.test"));
  await publisher.publish([aDomain("example.test")], soon());
  await eventually(live, (directory) => directory.revision === 3);
  assert.deepEqual(seen, [2_500, 0]);
});

test("each process tells which revision it has loaded, and where it runs", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish(world, soon());
  const live = await watcherOn(t, await connect(t));
  const member = { member: "gateway-0.pod-1", pod: "gateway-0.pod", namespace: "ns", roles: ["gateway"] };
  const told = await acknowledge({ link, live, member, log: silent });
  await link.nc.flush();
  const watched = await watchAcks(link, silent);
  t.after(() => watched[Symbol.asyncDispose]());
  assert.deepEqual(watched.current(), [{ ...member, revision: 1 }]);
  const heard = Promise.withResolvers<void>();
  watched.onChange(heard.resolve);
  await publisher.publish(world.slice(0, 1), soon());
  await eventually(live, ({ revision }) => revision === 2);
  await link.nc.flush();
  await heard.promise;
  assert.deepEqual(watched.current(), [{ ...member, revision: 2 }]);
  const left = Promise.withResolvers<void>();
  watched.onChange(left.resolve);
  await told[Symbol.asyncDispose]();
  await left.promise;
  assert.deepEqual(watched.current(), []);
});

test("publishers of different names leave each other's resources alone", async (t) => {
  const link = await fresh(t);
  const files = await publisherOn(t, link, { owner: "files" });
  const operator = await publisherOn(t, await connect(t), { owner: "operator" });
  const [domain, alice] = world as [Declared, Declared];
  await files.publish([domain], soon());
  assert.deepEqual(await operator.publish([alice], soon()), { revision: 2, put: 1, removed: 0 });
  // It hears of the other's record a moment later, and has nothing to write all the while.
  const heard = await until("the other's record to be heard of", async () => {
    const told = await files.publish([domain], soon());
    return told.revision === 2 ? told : undefined;
  });
  assert.deepEqual(heard, { revision: 2, put: 0, removed: 0 });
  const live = await watcherOn(t, await connect(t));
  assert.ok(has("alice@example.test")(live.current()));
  assert.deepEqual(await files.publish([], soon()), { revision: 3, put: 0, removed: 1 });
  await eventually(live, ({ revision }) => revision === 3);
  assert.ok(live.current().domain("example.test" as Domain) === undefined);
  assert.equal((await operator.publish([alice], soon())).put, 0);
});

test("of two publishers of one resource the first has it, until it lets go", async (t) => {
  const link = await fresh(t);
  const files = await publisherOn(t, link, { owner: "files" });
  const operator = await publisherOn(t, await connect(t), { owner: "operator" });
  const [domain] = world as [Declared];
  const theirs = { ...domain, spec: { ...domain.spec, catchAll: "b@example.test" } } as Declared;
  await files.publish([domain], soon());
  const { put, contested } = await operator.publish([theirs], soon());
  assert.deepEqual([put, contested], [0, [declaredKey(domain)]]);
  const live = await watcherOn(t, await connect(t));
  const catchAll = (directory: Directory) => directory.domain("example.test" as Domain)?.spec.catchAll;
  assert.equal(catchAll(live.current()), domain.kind === "MailDomain" ? domain.spec.catchAll : "");
  await files.publish([], soon());
  await eventually(live, (directory) => catchAll(directory) === "b@example.test");
});

test("what somebody else wrote over a record is published anew", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish(world, soon());
  const live = await watcherOn(t, await connect(t));
  const alice = subjectOf(aMailbox("x@example.test", {}, { name: "alice" }));
  await link.nc.request(alice, JSON.stringify({ stream: "Q0", seq: 7 }));
  await link.nc.request("$KV.directory.revision", JSON.stringify({ stream: "Q0", seq: 8 }));
  await eventually(live, ({ revision }) => revision === 2);
  const starting = await watcherOn(t, await connect(t));
  assert.equal(
    starting.current().mailbox("alice@example.test" as MailboxName)?.passwordHash,
    "$argon2id$hash-of-alice",
  );
});

test("a daemon of one namespace knows when its part is complete, and hears of no other", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  const own = aDomain("a.test", {}, { namespace: "team-a", name: "a" });
  const other = (n: number) => aDomain(`b${n}.test`, {}, { namespace: "team-b", name: `b${n}` });
  const key = namespaceKey(master, "team-a");
  const team = { namespace: "team-a", vault: new Vault([{ octets: key, namespace: "team-a" }]) };
  const { log, lines } = recorder();
  const starting = watcherOn(t, await connect(t), { ...team, log });
  await publisher.publish([other(1)], soon());
  await publisher.publish([other(1), own], soon());
  const live = await starting;
  assert.deepEqual(
    [live.current().revision, [...live.current().domains()].map(({ domain }) => domain)],
    [2, ["a.test"]],
  );
  await publisher.publish([other(1), other(2), own], soon());
  assert.deepEqual([publisher.publishedAt(own), publisher.publishedAt(other(2))], [2, 3]);
  const second = aMailbox("x@a.test", {}, { namespace: "team-a", name: "x" });
  await publisher.publish([other(1), other(2), own, second], soon());
  const seen = await eventually(live, ({ revision }) => revision > 2);
  assert.equal(seen.revision, 4, "the third revision was another namespace's");
  const successor = await publisherOn(t, await connect(t));
  assert.equal(successor.publishedAt(own), 4);
  assert.equal(successor.publishedAt(other(1)), 3);
  await publisher.publish([other(1)], soon());
  await eventually(live, (directory) => [...directory.domains()].length === 0);
  assert.deepEqual(lines, []);
});
