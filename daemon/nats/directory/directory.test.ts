import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, type TestContext, test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../../test/harness/declare.ts";
import { startNats, type TestNats } from "../../../test/harness/nats-server.ts";
import type { Declared } from "../../directory/declared.ts";
import type { Directory, LiveDirectory } from "../../directory/directory.ts";
import { systemClock } from "../../kit/clock.ts";
import { type Fields, type Log, silent } from "../../kit/log.ts";
import type { Address } from "../../mail/address.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { PolicyName } from "../../queue/job.ts";
import { connectNats, type Link } from "../connect.ts";
import { acknowledge, readAcks } from "./acks.ts";
import { ensureDirectory } from "./bucket.ts";
import { DirectoryPublisher } from "./publish.ts";
import { DIRECTORY_STREAM, directorySubjects, encode, revisionSubject, subjectOf } from "./record.ts";
import { Vault } from "./vault.ts";
import { watchDirectory } from "./watch.ts";

let nats: TestNats;
const vault = new Vault([randomBytes(32)]);
const soon = () => AbortSignal.timeout(30_000);

before(async () => {
  nats = await startNats(undefined, { sync: "10s" });
});
after(() => nats[Symbol.asyncDispose]());

/** A connection to a server whose directory is empty. */
async function fresh(t: TestContext): Promise<Link> {
  const link = await connect(t);
  await link.nc.request(`$JS.API.STREAM.DELETE.${DIRECTORY_STREAM}`).catch(() => {});
  return link;
}

async function connect(t: TestContext): Promise<Link> {
  const { url, user, password } = nats;
  const target = { servers: [url], credential: { kind: "password", user, password } as const, name: "test" };
  const link = await connectNats(target, silent);
  t.after(() => link[Symbol.asyncDispose]());
  return link;
}

async function publisherOn(t: TestContext, link: Link, over: { vault?: Vault } = {}) {
  const publisher = await DirectoryPublisher.open({
    link,
    vault,
    clock: systemClock,
    log: silent,
    replicas: 1,
    ...over,
  });
  t.after(() => publisher[Symbol.asyncDispose]());
  return publisher;
}

async function watcherOn(
  t: TestContext,
  link: Link,
  over: { vault?: Vault; log?: Log; patienceMs?: number } = {},
) {
  const watched = await watchDirectory({ link, vault, log: silent, signal: soon(), ...over });
  t.after(() => watched[Symbol.asyncDispose]());
  return watched;
}

/** Resolves with the first directory that fulfils the wish. */
function eventually(live: LiveDirectory, wish: (directory: Directory) => boolean): Promise<Directory> {
  const { promise, resolve, reject } = Promise.withResolvers<Directory>();
  const look = (directory: Directory) => wish(directory) && resolve(directory);
  const stop = live.onChange(look);
  const signal = soon();
  signal.addEventListener("abort", () => reject(signal.reason));
  look(live.current());
  return promise.finally(stop);
}

const has = (address: string) => (directory: Directory) =>
  directory.mailbox(address as MailboxName) !== undefined;

const world: readonly Declared[] = [
  aDomain("example.test", {}, { name: "example.with.dots" }),
  aMailbox("alice@example.test", { passwordHash: "$argon2id$hash-of-alice" }, { name: "alice" }),
  aPolicy(
    {
      route: {
        smarthost: {
          host: "smtp.provider.example",
          port: 587,
          tls: "Require",
          authSecretRef: { name: "provider", usernameKey: "username", passwordKey: "password" },
        },
      },
    },
    { credentials: { "provider/username/password": { username: "shop", password: "smarthost-secret" } } },
  ),
];

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
  const alice = "Mailbox/default/alice" as Parameters<typeof next.hashInForce>[0];
  assert.equal(next.hashInForce(alice), "$argon2id$hash-of-alice");
  await next.publish(world.slice(0, 1), soon());
  assert.equal(next.hashInForce(alice), undefined);
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

test("a publish that broke off is not shown, and the next one completes it", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish([aDomain("example.test")], soon());
  const live = await watcherOn(t, await connect(t));
  const seen: number[] = [];
  live.onChange((directory) => seen.push(directory.revision));
  // A publisher that died after its first batch.
  const alice = aMailbox("alice@example.test", {}, { name: "alice" });
  await link.nc.request(subjectOf(alice), encode(alice, vault));
  const bob = aMailbox("bob@example.test", {}, { name: "bob" });
  await publisher.publish([aDomain("example.test"), alice, bob], soon());
  const whole = await eventually(live, has("bob@example.test"));
  assert.ok(has("alice@example.test")(whole));
  assert.deepEqual(seen, [2]);
});

test("a daemon that starts amid a broken publish waits, but not for ever", async (t) => {
  const link = await fresh(t);
  await (await publisherOn(t, link)).publish([aDomain("example.test")], soon());
  const alice = aMailbox("alice@example.test", {}, { name: "alice" });
  await link.nc.request(subjectOf(alice), encode(alice, vault));
  const live = await watcherOn(t, await connect(t), { patienceMs: 50 });
  assert.ok(has("alice@example.test")(live.current()));
});

test("two publishers: the later one looks again", async (t) => {
  const link = await fresh(t);
  const one = await publisherOn(t, link);
  const two = await publisherOn(t, await connect(t));
  const results = await Promise.all([one.publish(world, soon()), two.publish(world.slice(0, 2), soon())]);
  assert.deepEqual(results.map(({ revision }) => revision).sort(), [1, 2]);
  const live = await watcherOn(t, await connect(t));
  const last = results[0].revision > results[1].revision ? world : world.slice(0, 2);
  assert.equal([...live.current().policies()].length, last.length === 3 ? 1 : 0);
});

test("the directory survives the server's death and goes on afterwards", async (t) => {
  const publisher = await publisherOn(t, await fresh(t));
  await publisher.publish(world, soon());
  const live = await watcherOn(t, await connect(t));
  await nats.kill9();
  assert.ok(has("alice@example.test")(live.current()));
  const bob = aMailbox("bob@example.test", {}, { name: "bob" });
  const publishing = publisher.publish([...world, bob], soon());
  await nats.restart();
  await publishing;
  await eventually(live, has("bob@example.test"));
});

/** Collects the sentences of errors and warnings. */
function recorder(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const note = (_: Fields, sentence: string) => lines.push(sentence);
  const log: Log = { ...silent, error: note, warn: note, child: () => log };
  return { log, lines };
}

test("with another key, mail flows and secrets are missing", async (t) => {
  await (await publisherOn(t, await fresh(t))).publish(world, soon());
  const { log, lines } = recorder();
  const live = await watcherOn(t, await connect(t), { vault: new Vault([randomBytes(32)]), log });
  const directory = live.current();
  assert.equal(directory.mailbox("alice@example.test" as MailboxName)?.passwordHash, undefined);
  const route = directory.policy("default/default" as PolicyName)?.elsewhere.route;
  assert.equal(route?.kind === "smarthost" && route.auth, "missing");
  assert.deepEqual(new Set(lines), new Set(["secrets are sealed with a key we do not have"]));
});

test("a replaced key seals everything anew at the next publish", async (t) => {
  const oldKey = randomBytes(32);
  const newKey = randomBytes(32);
  const link = await fresh(t);
  await (await publisherOn(t, link, { vault: new Vault([oldKey]) })).publish(world, soon());
  const rotated = await publisherOn(t, await connect(t), { vault: new Vault([newKey, oldKey]) });
  assert.equal((await rotated.publish(world, soon())).put, 2);
  const live = await watcherOn(t, await connect(t), { vault: new Vault([newKey]) });
  assert.equal(
    live.current().mailbox("alice@example.test" as MailboxName)?.passwordHash,
    "$argon2id$hash-of-alice",
  );
});

test("a record that nobody can read is left out, and does not keep the others away", async (t) => {
  const link = await fresh(t);
  await ensureDirectory(link, { replicas: 1 });
  const publisher = await publisherOn(t, link);
  await publisher.publish([aDomain("example.test")], soon());
  const { log, lines } = recorder();
  const live = await watcherOn(t, await connect(t), { log });
  await link.nc.request(directorySubjects.replace(">", "domain.default.odd"), "not json");
  await link.nc.request(revisionSubject, JSON.stringify({ revision: 9, entries: 2 }));
  const directory = await eventually(live, ({ revision }) => revision === 9);
  assert.equal([...directory.domains()].length, 1);
  assert.deepEqual(lines, ["a directory record cannot be read"]);
  assert.equal((await publisher.publish([aDomain("example.test")], soon())).removed, 1);
});

test("a daemon that missed a deletion reads everything anew", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish(world, soon());
  const { log, lines } = recorder();
  const live = await watcherOn(t, await connect(t), { log });
  // As if the deletion had come and expired while the daemon was away: the record is gone without a word.
  const alice = subjectOf(aMailbox("x@example.test", {}, { name: "alice" }));
  await link.nc.request(`$JS.API.STREAM.PURGE.${DIRECTORY_STREAM}`, JSON.stringify({ filter: alice }));
  await link.nc.request(revisionSubject, JSON.stringify({ revision: 2, entries: 2 }));
  const directory = await eventually(live, ({ revision }) => revision === 2);
  assert.deepEqual([...directory.mailboxes()], []);
  assert.deepEqual(lines, ["the directory does not add up; reading it anew"]);
});

test("each process tells which revision it has loaded", async (t) => {
  const link = await fresh(t);
  const publisher = await publisherOn(t, link);
  await publisher.publish(world, soon());
  const live = await watcherOn(t, await connect(t));
  const told = await acknowledge({ link, live, member: "gateway-0.pod", log: silent });
  await link.nc.flush();
  assert.deepEqual(await readAcks(link, silent), [{ member: "gateway-0.pod", revision: 1 }]);
  await publisher.publish(world.slice(0, 1), soon());
  await eventually(live, ({ revision }) => revision === 2);
  await link.nc.flush();
  assert.deepEqual(await readAcks(link, silent), [{ member: "gateway-0.pod", revision: 2 }]);
  await told[Symbol.asyncDispose]();
});
