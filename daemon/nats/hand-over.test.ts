/** What becomes of partitions that are handed over, whatever happens meanwhile; against a real nats-server. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { leasesOf, leave, member, openLeases, PARTITIONS, ttl } from "../../test/harness/lease-members.ts";
import { linkTo, type TestNats } from "../../test/harness/nats-server.ts";
import { purge } from "../../test/harness/purge.ts";
import { untilTrue } from "../../test/harness/until.ts";
import type { Link } from "./connect.ts";
import { lastOnSubject } from "./read.ts";

let nats: TestNats;
before(async () => {
  nats = await openLeases();
});
after(() => nats[Symbol.asyncDispose]());

test("a hand-over that began before all was lost ends neither what is held anew nor its second hand-over", {
  timeout: 300_000,
}, async (t) => {
  const a = await member(nats, "ns/again");
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await using other = await linkTo(nats);
  const { members, say } = crowdOf(other, "ns.relay-again");
  const leavesFor = async (attempts: Promise<void>) => {
    a.heard.idle = () => attempts;
    await say("{}");
    await a.heard.until(() => a.heard.partitions.size <= PARTITIONS / 2);
    return new Set(Array.from({ length: PARTITIONS }, (_, p) => p)).difference(a.heard.partitions);
  };
  const [former, later] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const before = await leavesFor(former.promise);
  const [lease = ""] = (await leasesOf(other, "ns.relay-again")).filter((each) => !members.includes(each));
  await say("");
  await other.nc.request(lease, "", { headers: ttl("1s"), timeout: 60_000 });
  await a.heard.until(() => a.heard.partitions.size === 0);
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  const [again = -1] = before.intersection(await leavesFor(later.promise));
  const record = () => lastOnSubject(other, "OWN", `own.ns.relay-again.p.${again}`);
  const held = await record();
  former.resolve();
  await renewed(other, "ns.relay-again", members); // whatever the former one had to write was before
  assert.equal((await record())?.sequence, held?.sequence, "it is still ours");
  later.resolve();
  await untilTrue(
    "it is given up",
    async () => Buffer.from((await record())?.data ?? []).toString() === "{}",
  );
  await say("");
  await a.owner.release();
});

test("what is free is forgotten after an hour, and taken all the same", { timeout: 300_000 }, async (t) => {
  const a = await member(nats, "ns/forgotten");
  t.after(() => leave(a));
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await using other = await linkTo(nats);
  const crowd = crowdOf(other, "ns.relay-forgotten");
  await crowd.say("{}");
  await a.heard.until(() => a.heard.partitions.size <= PARTITIONS / 2);
  const free = Array.from({ length: PARTITIONS }, (_, p) => p).filter((p) => !a.heard.partitions.has(p));
  for (const partition of free) {
    const subject = `own.ns.relay-forgotten.p.${partition}`;
    const released = async () => (await lastOnSubject(other, "OWN", subject))?.header("Nats-TTL") === "3600s";
    await untilTrue("it is released, with an end", released);
    // The end comes: without a word to those who follow, once the server's own mark of it has gone.
    await purge(other, "OWN", subject);
  }
  await crowd.say("");
  await a.heard.until(() => a.heard.partitions.size === PARTITIONS);
  await a.owner.release();
});

/** So many that nearly everything is to go to them, whatever our own name is; `{}`: they live, nothing: they are gone. */
function crowdOf({ nc }: Link, pool: string) {
  const members = Array.from({ length: 20 }, (_, i) => `own.${pool}.m.another${i}`);
  const say = (data: string) => Promise.all(members.map((subject) => nc.request(subject, data)));
  return { members, say };
}

/** The member that is none of the others has renewed its lease from now on. */
async function renewed(link: Link, pool: string, others: readonly string[]): Promise<void> {
  const [lease = ""] = (await leasesOf(link, pool)).filter((each) => !others.includes(each));
  const sequence = async () => (await lastOnSubject(link, "OWN", lease))?.sequence ?? 0;
  const before = await sequence();
  await untilTrue("the next renewal", async () => (await sequence()) > before);
}
