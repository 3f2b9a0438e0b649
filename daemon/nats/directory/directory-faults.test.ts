import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { aDomain, aMailbox } from "../../../test/harness/declare.ts";
import {
  connect,
  eventually,
  fresh,
  has,
  publisherOn,
  recorder,
  server,
  soon,
  vault,
  watcherOn,
  withServer,
  world,
} from "../../../test/harness/directory-bucket.ts";
import type { Directory } from "../../directory/directory.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { PolicyName } from "../../queue/job.ts";
import { ensureDirectory } from "./bucket.ts";
import { DIRECTORY_STREAM, directorySubjects, encode, revisionSubject, subjectOf } from "./record.ts";
import { Vault } from "./vault.ts";

withServer();

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
  await server().kill9();
  assert.ok(has("alice@example.test")(live.current()));
  const bob = aMailbox("bob@example.test", {}, { name: "bob" });
  const publishing = publisher.publish([...world, bob], soon());
  await server().restart();
  await publishing;
  await eventually(live, has("bob@example.test"));
});

test("with another key, mail flows and secrets are missing", async (t) => {
  await (await publisherOn(t, await fresh(t))).publish(world, soon());
  const { log, lines } = recorder();
  const live = await watcherOn(t, await connect(t), { vault: new Vault([randomBytes(32)]), log });
  const directory = live.current();
  assert.equal(directory.mailbox("alice@example.test" as MailboxName)?.passwordHash, undefined);
  const route = directory.policy("default/default" as PolicyName)?.elsewhere.route;
  assert.equal(route?.kind === "smarthost" && route.auth, "missing");
  assert.deepEqual(
    new Set(lines),
    new Set([
      "secrets are sealed with a key we do not have: give every daemon the same POSTFLEET_DIRECTORY_KEY_FILE",
    ]),
  );
});

test("a replaced key seals everything anew at the next publish", async (t) => {
  const oldKey = randomBytes(32);
  const newKey = randomBytes(32);
  const link = await fresh(t);
  await (await publisherOn(t, link, { vault: new Vault([oldKey]) })).publish(world, soon());
  const rotated = await publisherOn(t, await connect(t), { vault: new Vault([newKey, oldKey]) });
  assert.equal((await rotated.publish(world, soon())).put, 3);
  const live = await watcherOn(t, await connect(t), { vault: new Vault([newKey]) });
  assert.equal(
    live.current().mailbox("alice@example.test" as MailboxName)?.passwordHash,
    "$argon2id$hash-of-alice",
  );
});

test("a daemon whose key comes after what was sealed with it looks again, without a restart", async (t) => {
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
  const link = await fresh(t);
  await (await publisherOn(t, link, { vault: new Vault([oldKey]) })).publish(world, soon());
  let keys = [{ octets: oldKey }];
  const learning = new Vault(keys, () => keys);
  const live = await watcherOn(t, await connect(t), { vault: learning, relookMs: 1_100 });
  const hash = (directory: Directory) => directory.mailbox("alice@example.test" as MailboxName)?.passwordHash;
  assert.equal(hash(live.current()), "$argon2id$hash-of-alice");
  const rotated = await publisherOn(t, await connect(t), { vault: new Vault([newKey, oldKey]) });
  await rotated.publish(world, soon());
  await eventually(live, (directory) => hash(directory) === undefined);
  keys = [{ octets: newKey }, { octets: oldKey }];
  await eventually(live, (directory) => hash(directory) === "$argon2id$hash-of-alice");
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
