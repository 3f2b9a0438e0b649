/** Mailboxes on a real nats-server, shared and apart by namespace. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { ensureInstallation, ensureNamespaceMailboxes, unbounded } from "../../daemon/nats/installation.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { alice, all, bob, calm, delivery } from "../../test/harness/mailboxes.ts";
import { operator, startTenantNats, tenant } from "../../test/harness/tenants.ts";
import { StoredMail } from "./mail.ts";

const world = await startTenantNats([], true);
const link = await world.link(operator);
await ensureInstallation(link, unbounded(1));
after(async () => {
  await link[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const common = { clock: systemClock, chance: Math.random, log: silent, shards: 1 };
const open = (namespace: string | undefined) =>
  new JetStreamMailboxStore({ ...common, link, ...(namespace === undefined ? {} : { namespace }) });
const scripts = new Map([["mine", "keep;"]]);
const make = (namespace: string) => ensureNamespaceMailboxes(link, namespace, 1);

test("apart: a namespace's daemons keep their mailboxes, and what is purged is that namespace's alone", async () => {
  await using mail = new StoredMail({ open, make, apart: true });
  for (const namespace of ["team-a", "team-b"]) {
    await mail.prepare(namespace);
    await using own = await world.link(tenant(namespace));
    await using store = new JetStreamMailboxStore({ ...common, link: own, namespace });
    assert.equal((await store.deliver(delivery("Subject: x\r\n\r\nhello\r\n"), calm)).kind, "filed");
    assert.equal(await store.scripts.replaceScripts(bob, { scripts, active: "mine" }, 0), true);
  }
  const messages = async () => (await all(mail.usage(calm))).map((usage) => [usage.address, usage.messages]);
  assert.deepEqual(await messages(), [
    [bob, 1],
    [bob, 1],
  ]);
  await mail.purge(bob, "team-a", calm);
  assert.deepEqual(await messages(), [
    [bob, 0],
    [bob, 1],
  ]);
  await using left = open("team-a");
  assert.equal((await left.scripts.scripts(bob)).scripts.size, 0);
  await using other = open("team-b");
  assert.equal(await other.scripts.activeScript(bob), "keep;");
});

test("a mailbox that holds scripts and never had a message loses them, too", async () => {
  await using mail = new StoredMail({ open, make, apart: false });
  await using store = open(undefined);
  assert.equal(await store.scripts.replaceScripts(alice, { scripts, active: "mine" }, 0), true);
  await mail.purge(alice, "any", calm);
  assert.equal((await store.scripts.scripts(alice)).scripts.size, 0);
});

test("shared: every namespace's mailboxes lie together", async () => {
  await using mail = new StoredMail({ open, make, apart: false });
  await using store = open(undefined);
  await store.deliver(delivery("Subject: x\r\n\r\nhello\r\n"), calm);
  await mail.purge(bob, "any", calm);
  assert.deepEqual(
    (await all(mail.usage(calm))).map((usage) => usage.messages),
    [0],
  );
});
