/**
 * Webhooks in JetStream, by the rights of a namespace's own daemons: one daemon at a time looks after a namespace, and what it
 * remembers outlives it.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { readShelf } from "../../test/harness/hook-shelf.ts";
import { operator, startTenants } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import { Usurped, type Waiting } from "../webhooks/store.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { HookLeases, type HookLeasesOptions, leaseSubject } from "./hook-leases.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";
import { HOOK_STREAM, hookSubject, put, WAIT_STREAM } from "./webhook-records.ts";
import { openBook } from "./webhooks.ts";

const world = await startTenants("default");
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

const hook = "policy:default:crm";
const waitingOf = (id: string, over: Partial<Waiting> = {}): Waiting => ({
  event: {
    version: 1,
    id,
    type: "message.bounced",
    timestamp: "2026-11-29T14:00:00.000Z",
    data: {},
  } as MessageEvent,
  attempts: 1,
  since: 1,
  next: 2,
  why: "answered 500",
  ...over,
});
const bookOf = (
  link: Link,
  namespace: string,
  onAgain: (hook: string, waiting: Waiting) => void = () => {},
) => openBook({ link, namespace, clock: systemClock, log: silent, onAgain });

test("what is remembered outlives who wrote it", async () => {
  {
    await using book = await bookOf(own, "default");
    assert.equal(book.remembered.size, 0);
    await book.setPlace(hook, { since: 5 });
    await book.setPlace(hook, { after: 42 });
    await book.setCondition(hook, { is: "failing", at: 7, why: "answered 500" });
    for (const id of ["a", "b", "c"]) await book.putWaiting(hook, waitingOf(id));
    await book.removeWaiting(hook, "a");
    const { next: _, ...dead } = { ...waitingOf("b"), at: 9 };
    await book.bury(hook, dead, []);
  }
  await using book = await bookOf(own, "default");
  const found = book.remembered.get(hook);
  assert.partialDeepStrictEqual([found?.place, found?.condition?.is], [{ after: 42 }, "failing"]);
  assert.deepEqual([[...(found?.waiting.keys() ?? [])], found?.dead], [["c"], ["b"]]);
  await book.setPlace(hook, { after: 43 });
});

test("who has been followed by another learns so when it writes its place", async () => {
  await using first = await bookOf(own, "default");
  await using second = await bookOf(all, "default");
  await second.setPlace(hook, { after: 100 });
  await untilTrue("the first to have heard of it", () => {
    const place = first.remembered.get(hook)?.place;
    return place !== undefined && "after" in place && place.after === 100;
  });
  await assert.rejects(first.setPlace(hook, { after: 50 }), Usurped);
  await second.setPlace(hook, { after: 101 });
});

test("an order to send again is taken up by who looks after the hook, or by who comes next", async () => {
  const orders = new GroupCommit(all, { stream: WAIT_STREAM, clock: systemClock, log: silent });
  const named = { namespace: "default", hook };
  const order = (id: string) => orders.commit([put(named, "again", waitingOf(id, { attempts: 0 }), id)]);
  const heard: string[] = [];
  {
    await using _ = await bookOf(own, "default", (of, { event }) => heard.push(`${of} ${event.id}`));
    await order("x");
    await untilTrue("it to be heard", () => heard.length === 1);
    assert.deepEqual(heard, [`${hook} x`]);
  }
  await order("y");
  await using book = await bookOf(own, "default");
  assert.ok(book.remembered.get(hook)?.waiting.has("y"));
  const shelf = [...(await readShelf(all, "default")).all()];
  assert.equal(shelf[0]?.[1].events.again.size, 0, "no order is left to be carried out twice");
});

test("a hook that is no more is forgotten, but for its dead; declared again, it begins anew", async () => {
  await using book = await bookOf(own, "default");
  await book.forget(hook);
  await untilTrue("it to be forgotten", () => {
    const left = book.remembered.get(hook);
    return left?.place === undefined && left?.waiting.size === 0;
  });
  assert.ok(book.remembered.get(hook)?.dead.includes("b"));
  await book.setPlace(hook, { since: 1 });
});

test("a hook that was forgotten so long ago that nobody knows of it can be declared again", async () => {
  await using book = await bookOf(own, "default");
  const subject = hookSubject("default", hook, "place");
  const before = (await lastOnSubject(all, HOOK_STREAM, subject))?.sequence ?? 0;
  await book.forget(hook);
  assert.ok(((await lastOnSubject(all, HOOK_STREAM, subject))?.sequence ?? 0) > before);
  await purge(HOOK_STREAM, subject);
  await book.setPlace(hook, { since: 2 });
  await purge(HOOK_STREAM, subject); // a place that goes otherwise is somebody else's doing
  await assert.rejects(book.setPlace(hook, { since: 3 }), Usurped);
});

const leaseOf = async (namespace: string) =>
  (await lastOnSubject(all, OWN_STREAM, leaseSubject(namespace)))?.data;

/** None ends by itself, however long a machine stands still. */
const times = { ttlMs: 300_000, renewMs: 300, fenceMs: 240_000, spreadMs: 20 };
const brief = { ...times, ttlMs: 2_000, fenceMs: 1_500 };
interface Candidate extends AsyncDisposable {
  readonly leases: HookLeases;
  readonly held: Set<string>;
  readonly link: Link;
}

async function candidate(member: string, over: Partial<HookLeasesOptions> = {}): Promise<Candidate> {
  const link = await world.link(operator);
  const held = new Set<string>();
  const leases = new HookLeases({
    link,
    member,
    alone: false,
    gained: (namespace) => held.add(namespace),
    lost: (namespace) => held.delete(namespace),
    clock: systemClock,
    log: silent,
    times,
    ...over,
  });
  return {
    leases,
    held,
    link,
    async [Symbol.asyncDispose]() {
      await leases[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}

test("a namespace has one holder; who stops hands it over, who dies is followed when its time is over", async () => {
  const wanted = new Set(["one", "two", "three"]);
  await using first = await candidate("first");
  first.leases.want(wanted);
  await first.leases.start();
  await untilTrue("the first to hold all", () => first.held.size === 3);
  await using second = await candidate("second", { times: brief });
  second.leases.want(wanted);
  await second.leases.start();
  await using third = await candidate("third", { times: brief });
  third.leases.want(wanted);
  await third.leases.start();
  assert.deepEqual([second.held.size, third.held.size], [0, 0]);
  await first[Symbol.asyncDispose]();
  await untilTrue("the others to hold all", () => second.held.size + third.held.size === 3);
  for (const namespace of second.held) assert.ok(!third.held.has(namespace));
  await second.link.nc.close(); // as if it were gone: it can neither renew nor hand over
  await untilTrue("the last to hold all", () => third.held.size === 3);
  await untilTrue("the one without NATS to know that it has lost them", () => second.held.size === 0);
});

test("a namespace that is no longer wanted is given up, and wanted again it is had again", async () => {
  await using only = await candidate("only");
  only.leases.want(new Set(["four"]));
  await only.leases.start();
  await untilTrue("it", () => only.held.has("four"));
  only.leases.want(new Set());
  assert.equal(only.held.size, 0);
  only.leases.want(new Set(["four"]));
  await untilTrue("it again", () => only.held.has("four"));
});

const purge = async (stream: string, filter: string) => {
  const answer = await all.nc.request(`$JS.API.STREAM.PURGE.${stream}`, JSON.stringify({ filter }));
  assert.equal(answer.json<{ purged: number }>().purged, 1);
};
const forgetLease = (namespace: string) => purge(OWN_STREAM, leaseSubject(namespace));

test("a namespace is had again when the store has forgotten that it was given up", async () => {
  for (const [link, namespace] of [
    [all, "six"],
    [own, "default"],
  ] as const) {
    await using only = await candidate("only", { link, namespace: link.confined });
    only.leases.want(new Set([namespace]));
    await only.leases.start();
    await untilTrue("it", () => only.held.has(namespace));
    only.leases.want(new Set());
    await untilTrue("it given up", async () => (await leaseOf(namespace))?.length === 0);
    await forgetLease(namespace);
    only.leases.want(new Set([namespace]));
    await untilTrue("it again", () => only.held.has(namespace));
  }
});

test("a holder of whom nothing is heard any more is looked up", async () => {
  const subject = leaseSubject("seven");
  const group = new GroupCommit(all, { stream: OWN_STREAM, clock: systemClock, log: silent });
  await group.commit([{ subject, data: Buffer.from('{"by":"ghost"}') }]);
  await using next = await candidate("next", { times: { ...times, ttlMs: 300, fenceMs: 250, renewMs: 100 } });
  next.leases.want(new Set(["seven"]));
  await next.leases.start();
  await forgetLease("seven"); // nobody hears of that
  await untilTrue("its successor", () => next.held.has("seven"));
});

test("a lease that is lost while it is renewed is gained anew", async () => {
  const heard: string[] = [];
  const gained = () => void heard.push("gained");
  const lost = () => void heard.push("lost");
  await using only = await candidate("only", { gained, lost });
  const commit = GroupCommit.prototype.commit;
  const wanted = new Set(["eight"]);
  only.leases.want(wanted);
  await only.leases.start();
  await untilTrue("it", () => heard.length === 1);
  let isRenewing = false;
  GroupCommit.prototype.commit = async function (...given) {
    isRenewing = true;
    const revision = await commit.apply(this, given);
    only.leases.usurped("eight"); // what stands in the way of a place is heard before the renewal is
    return revision;
  };
  await untilTrue("a renewal", () => isRenewing).finally(() => {
    GroupCommit.prototype.commit = commit;
  });
  await untilTrue("it again", () => heard.length === 3);
  assert.deepEqual(heard, ["gained", "lost", "gained"]);
});

test("on a store of our own a lease of an earlier life is taken over at once", async () => {
  await using dead = await candidate("dead", { times: { ...times, ttlMs: 600_000 } });
  dead.leases.want(new Set(["five"]));
  await dead.leases.start();
  await untilTrue("it", () => dead.held.has("five"));
  await using next = await candidate("next", { alone: true });
  next.leases.want(new Set(["five"]));
  await next.leases.start();
  await untilTrue("its successor", () => next.held.has("five"));
});
