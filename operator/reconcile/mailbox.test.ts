import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { aDomain, aMailbox } from "../../test/harness/declare.ts";
import { told } from "../../test/harness/kstatus.ts";
import { condition } from "../../test/harness/kube-resources.ts";
import { openMailboxWorld } from "../../test/harness/mailbox-world.ts";
import { MemoryBucket } from "../../test/harness/memory-bucket.ts";
import { kinds } from "../kube/kinds.ts";
import type { Mailbox } from "./resources.ts";

const soon = () => AbortSignal.timeout(30_000);
const place = { namespace: "ns", name: "shop" };
const domain = { ...aDomain("shop.test", {}, place), source: "1" };
const mailbox = { ...aMailbox("alice@shop.test", {}, { namespace: "ns", name: "alice" }), source: "1" };

const readyOf = (status: Mailbox["status"]) => told(status)[2];

/** The mailbox is published and loaded, its domain is there and not yet published. */
async function early(t: TestContext, annotations = {}, more: Parameters<typeof openMailboxWorld>[1] = {}) {
  const all = await openMailboxWorld(t, more);
  await all.apply(domain, annotations);
  await all.apply(mailbox);
  all.begin();
  const done = all.published();
  await all.look();
  await done;
  all.load();
  return all;
}

test("a mailbox is Ready when every pod knows its domain, too, and then it is told, once", async (t) => {
  const { look, status, writes, publish, load, woken, fleet } = await early(t);
  assert.deepEqual(await look(), { wake: "after", ms: 2_000 });
  assert.equal(await status(), undefined);
  woken();
  await publish(domain);
  assert.ok(woken().includes("Mailbox ns/alice"));
  await look();
  assert.equal(await status(), undefined, "the gateway has not loaded the domain yet");
  const loaded = new Promise((resolve) => fleet.onLoaded(resolve));
  load();
  assert.equal(await loaded, "Mailbox/ns/alice");
  assert.deepEqual(await look(), { wake: "on-change" });
  assert.equal(readyOf(await status()), "Ready=True Serving");
  await look();
  assert.equal(writes(), 1);
});

test("a domain that is published late is named, until daemons know it", async (t) => {
  const { look, status, writes, publish, load, clock } = await early(t);
  await look();
  clock.advance(2_000);
  assert.deepEqual(await look(), { wake: "on-change" });
  assert.deepEqual(told(await status()), [
    "Accepted=True Accepted",
    "Programmed=True Loaded",
    "Ready=False DomainPending",
    "Reconciling=True DomainPending",
    "Stalled=False NoFault",
  ]);
  await publish(domain);
  await look();
  assert.equal(writes(), 1, "that they have not loaded it yet is nothing new");
  load();
  await look();
  assert.equal(readyOf(await status()), "Ready=True Serving");
  assert.equal(writes(), 2);
});

/** A mailbox that works. */
async function serving(t: TestContext, more: Parameters<typeof openMailboxWorld>[1] = {}) {
  const all = await early(t, {}, more);
  await all.publish(domain);
  all.load();
  await all.look();
  assert.equal(readyOf(await all.status()), "Ready=True Serving");
  all.woken();
  return all;
}

test("another state of a domain that daemons know concerns no mailbox", async (t) => {
  const { look, publish, woken, writes } = await serving(t);
  await publish({ ...domain, source: "2" });
  assert.deepEqual(woken(), []);
  await look(); // nobody has loaded that state yet
  assert.equal(writes(), 1);
});

test("a mailbox whose domain is being deleted says so at once, and when the domain has gone", async (t) => {
  const { look, status, woken, kube, publication, published, relations } = await serving(t);
  await kube.delete(kinds.MailDomain, "ns", "shop", {}, soon());
  await turn();
  assert.ok(woken().includes("Mailbox ns/alice"));
  await look();
  assert.equal(readyOf(await status()), "Ready=False DomainDeleting");
  const gone = published();
  publication.remove(domain);
  await gone;
  await kube.patch(kinds.MailDomain, "ns", "shop", { metadata: { finalizers: [] } }, soon());
  await turn();
  assert.equal(relations.holderOf("shop.test"), undefined);
  assert.ok(woken().includes("Mailbox ns/alice"));
  await look();
  assert.equal(readyOf(await status()), "Ready=False DomainNotFound");
});

test("in a namespace that is being deleted nothing is written about it", async (t) => {
  const { look, writes, kube } = await serving(t, { leaves: true });
  await kube.delete(kinds.MailDomain, "ns", "shop", {}, soon());
  await look();
  assert.equal(writes(), 1);
});

test("a record that is lost and made again within a moment is not told", async (t) => {
  const { look, status, writes, bucket, publish, clock, load } = await serving(t);
  bucket.hold(); // a revision later
  bucket.clear();
  bucket.hold(mailbox);
  assert.deepEqual(await look(), { wake: "after", ms: 2_000 });
  await publish(domain);
  load();
  await look();
  assert.equal(writes(), 1);
  bucket.clear();
  bucket.hold(mailbox);
  await look();
  clock.advance(2_000);
  await look();
  assert.equal(readyOf(await status()), "Ready=False DomainPending");
});

test("a successor takes no Ready away: what its predecessor published is known, whatever pods have loaded", async (t) => {
  const first = await serving(t);
  const bucket = new MemoryBucket();
  const { source = "" } = [...first.bucket.records.values()].find(({ kind }) => kind === "Mailbox") ?? {};
  bucket.hold(domain, { ...mailbox, source });
  const next = await openMailboxWorld(t, { bucket });
  await next.apply(domain);
  await next.apply(mailbox);
  const status = await first.status();
  const { apiVersion, kind, metadata } =
    (await next.kube.get(kinds.Mailbox, "ns", "alice", soon())) ?? assert.fail();
  await next.kube.applyStatus({ apiVersion, kind, metadata, status }, soon());
  for (const one of [domain, mailbox]) next.publication.expect(one);
  next.begin();
  await next.look();
  assert.equal(readyOf(await next.status())?.split(" ")[0], "Ready=True", "nobody has acknowledged anything");
  next.load();
  await next.look();
  assert.equal(readyOf(await next.status()), "Ready=True Serving");
});

test("a domain that was never accepted is what a mailbox waits for; one that was goes on as it was", async (t) => {
  const never = await openMailboxWorld(t);
  const wrong = { ...domain, spec: { ...domain.spec, catchAll: "nobody" } };
  await never.apply(wrong);
  await never.apply(mailbox);
  never.begin();
  await never.look();
  const refused = told(await never.status());
  assert.deepEqual(refused.slice(2), [
    "Ready=False DomainRefused",
    "Reconciling=False DomainRefused",
    "Stalled=True DomainRefused",
  ]);
  const once = await serving(t);
  await once.apply(wrong);
  await once.look();
  assert.equal(readyOf(await once.status()), "Ready=True Serving");
});

test("a mailbox that is made invalid goes on as it was; one that never made sense is not published", async (t) => {
  const { apply, look, status, publish, bucket } = await serving(t);
  const wrong = { ...mailbox, spec: { ...mailbox.spec, aliases: ["nobody"] } };
  await apply(wrong);
  await look();
  assert.equal(readyOf(await status()), "Ready=False Invalid");
  await publish({ ...domain, source: "2" }); // takes with it whatever is to go
  assert.notEqual(bucket.knownSince(mailbox), undefined);
  const never = await openMailboxWorld(t);
  await never.apply(domain);
  await never.apply(wrong);
  never.begin();
  await never.look();
  assert.equal(readyOf(await never.status()), "Ready=False Invalid");
  assert.deepEqual([...never.bucket.records.keys()], []);
});

test("a domain that was frozen before it was published is named with the annotation", async (t) => {
  const { look, kube } = await early(t, { "mail.postfleet.dev/paused": "true" });
  await look();
  const object = (await kube.get(kinds.Mailbox, "ns", "alice", soon())) ?? assert.fail();
  const { reason, message } = condition(object, "Ready") ?? assert.fail();
  assert.equal(reason, "DomainPending");
  assert.match(
    message,
    /^daemons do not know shop\.test yet.*mail\.postfleet\.dev\/paused keeps MailDomain ns\/shop/,
  );
});

test("an alias stands or falls with its own domain", async (t) => {
  const { apply, look, publish, load, status, woken, clock } = await serving(t);
  const other = { ...aDomain("other.test", {}, { namespace: "ns", name: "other" }), source: "1" };
  await apply({ ...mailbox, spec: { ...mailbox.spec, aliases: ["sales@other.test"] } });
  await look();
  assert.equal(readyOf(await status()), "Ready=False DomainNotFound");
  woken();
  await apply(other);
  assert.ok(woken().includes("Mailbox ns/alice"));
  await look();
  clock.advance(2_000);
  await look();
  assert.equal(readyOf(await status()), "Ready=False DomainPending");
  await publish(other);
  assert.ok(woken().includes("Mailbox ns/alice"));
  load();
  await look();
  assert.equal(readyOf(await status()), "Ready=True Serving");
});
