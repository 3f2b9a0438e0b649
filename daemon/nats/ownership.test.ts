/** Leases against a real nats-server: sharing, hand-over, death, and a process that was frozen. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Listener } from "../../test/contract/queue.ts";
import {
  leasesOf,
  leave,
  member,
  openLeases,
  PARTITIONS,
  times,
  ttl,
} from "../../test/harness/lease-members.ts";
import { linkTo, type TestNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import { lastOnSubject } from "./read.ts";
import { purgeSubjects } from "./streams.ts";

let nats: TestNats;
before(async () => {
  nats = await openLeases();
});
after(() => nats[Symbol.asyncDispose]());

const all = (...members: { heard: Listener }[]) =>
  members.reduce((sum, { heard }) => sum + heard.partitions.size, 0);

test("two members share the partitions; what one releases the other takes over", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/share");
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  const b = await member(nats, "ns/share");
  t.after(() => Promise.all([a, b].map(leave)));
  await b.heard.until(() => b.heard.partitions.size > 0 && all(a, b) === PARTITIONS);
  assert.ok(a.heard.partitions.size > 0);
  for (const p of b.heard.partitions) assert.equal(a.heard.partitions.has(p), false);
  await a.owner.release();
  await b.heard.until(() => b.heard.partitions.size === PARTITIONS);
  await b.owner.release();
});

test("what a dead member held is taken over when its lease ends, not before", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/dead", { times });
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await a.link.nc.close(); // as kill -9 does: nothing is said any more
  await using other = await linkTo(nats);
  const [lease = ""] = await leasesOf(other, "ns.relay-dead");
  const renewed = (await lastOnSubject(other, "OWN", lease))?.time ?? assert.fail("it held a lease");
  const b = await member(nats, "ns/dead");
  t.after(() => Promise.all([a, b].map(leave)));
  await b.heard.until(() => b.heard.partitions.size === PARTITIONS);
  const after = Date.now() - renewed; // both by the clock of this machine
  assert.ok(after > times.ttlMs - 100, `the lease was taken over ${after} ms after it was renewed`);
  await b.owner.release();
});

test("a member whose time passed unseen starts nothing until it has renewed", {
  timeout: 300_000,
}, async (t) => {
  let unseen = 0;
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + unseen };
  const a = await member(nats, "ns/frozen", { clock, times });
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await untilTrue("it may start", () => a.owner.mayStart());
  unseen = times.ttlMs;
  assert.equal(a.owner.mayStart(), false);
  await untilTrue("it may start again", () => a.owner.mayStart());
  await a.owner.release();
});

test("a member whose lease ended while it could not renew loses all, and joins again", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/expired");
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  // The server lets the lease expire, as it does when a process is frozen: another one's view of it.
  await using other = await linkTo(nats);
  const lease = (await leasesOf(other, "ns.relay-expired"))[0] as string;
  await other.nc.request(lease, "", { headers: ttl("1s"), timeout: 60_000 });
  await a.heard.until(() => a.heard.partitions.size === 0);
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await untilTrue("it may start", () => a.owner.mayStart());
  assert.notEqual((await leasesOf(other, "ns.relay-expired"))[0], lease);
  await a.owner.release();
});

test("a member that went unheard of is found to be gone, and its share taken over", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/silent", { times });
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await using other = await linkTo(nats);
  const subject = "own.ns.relay-silent.m.ghost";
  await other.nc.request(subject, "{}", { headers: ttl("300s"), timeout: 60_000 });
  await a.heard.until(() => a.heard.partitions.size < PARTITIONS);
  // As for whoever was cut off until the mark of its end was gone: nothing is told of this.
  await purgeSubjects(other, "OWN", subject);
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  assert.equal(await leasesOf(other, "ns.relay-silent").then(({ length }) => length), 1);
  await a.owner.release();
});

test("a renewal that was stored without our hearing of it costs nothing", { timeout: 300_000 }, async (t) => {
  const a = await member(nats, "ns/unheard");
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await using other = await linkTo(nats);
  const [lease = ""] = await leasesOf(other, "ns.relay-unheard");
  const lost = new Promise<never>((_, reject) =>
    a.heard.until(() => a.heard.partitions.size < PARTITIONS).then(() => reject(new Error("all was lost"))),
  );
  const renewals = async () => {
    // Under our name, at a revision that we do not know: as when the answer to our own write was lost.
    const stored = await other.nc.request(lease, "{}", { headers: ttl("300s"), timeout: 60_000 });
    const { seq } = stored.json<{ readonly seq: number }>();
    await untilTrue(
      "the next renewal",
      async () => ((await lastOnSubject(other, "OWN", lease))?.sequence ?? 0) > seq,
    );
  };
  await Promise.race([renewals(), lost]);
  await untilTrue("it may start", () => a.owner.mayStart());
  assert.deepEqual(await leasesOf(other, "ns.relay-unheard"), [lease]);
  await a.owner.release();
});

test("who leaves gives up what is still its own, and not what another has taken since", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/taken");
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await using other = await linkTo(nats);
  const another = "own.ns.relay-taken.m.another";
  await other.nc.request(another, "{}"); // alive, so it may keep what it has
  const taken = "own.ns.relay-taken.p.3";
  await other.nc.request(taken, JSON.stringify({ holder: "another" }));
  await a.owner.release();
  const holderOf = async (subject: string) => {
    const record = await lastOnSubject(other, "OWN", subject);
    return (JSON.parse(Buffer.from(record?.data ?? []).toString()) as { holder?: string }).holder;
  };
  await other.nc.request(another, "");
  assert.equal(await holderOf(taken), "another");
  assert.equal(await holderOf("own.ns.relay-taken.p.4"), undefined);
});

test("owners of one policy and owners of every policy refuse each other", { timeout: 300_000 }, async (t) => {
  const one = await member(nats, "ns/rival");
  t.after(() => leave(one));
  const neighbour = await member(nats, "ns/neighbour");
  t.after(() => leave(neighbour));
  await assert.rejects(member(nats, undefined), {
    name: "RivalOwners",
    message: /give this one a --policy too/,
  });
  await Promise.all([one, neighbour].map(({ owner }) => owner.release()));
  const all = await member(nats, undefined);
  t.after(() => leave(all));
  await assert.rejects(member(nats, "ns/rival"), { name: "RivalOwners", message: /without --policy/ });
});

test("who leaves without a connection leaves at once: the lease runs out by itself", {
  timeout: 300_000,
}, async () => {
  const a = await member(nats, "ns/cut");
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await a.link.nc.close();
  const began = performance.now();
  await a.owner.release();
  assert.ok(performance.now() - began < 15_000, "no write was waited for"); // it would be given up after 20 s
  assert.equal(a.heard.partitions.size, 0, "nothing more is worked on");
  await leave(a);
});

test("an attempt that takes long keeps its own partition waiting, and no other; the lease is renewed meanwhile", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/slow", { times });
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  const attempt = Promise.withResolvers<void>();
  a.heard.idle = async (partitions) => (partitions.includes(3) ? attempt.promise : undefined);
  const b = await member(nats, "ns/slow", { times });
  t.after(() => leave(b));
  const leaving = a.owner.release();
  await b.heard.until(() => b.heard.partitions.size === PARTITIONS - 1);
  await systemClock.sleep(times.ttlMs * 1.5); // longer than a lease that nobody renews
  assert.equal(b.heard.partitions.has(3), false, "the attempt is still under way");
  attempt.resolve();
  await leaving;
  await b.heard.until(() => b.heard.partitions.size === PARTITIONS);
  await leave(a);
});
