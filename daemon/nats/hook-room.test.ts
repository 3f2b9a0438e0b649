/**
 * What a namespace's webhooks leave behind stops nobody: neither by how much it is, nor because the streams are full. And what
 * a version before left in `HOOKS` comes to where it belongs.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { readShelf } from "../../test/harness/hook-shelf.ts";
import { operator, startTenantNats, startTenants, tenant } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import type { Dead, Waiting } from "../webhooks/store.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";
import { HookLeases } from "./hook-leases.ts";
import { ensureInstallation, unbounded } from "./installation.ts";
import { base } from "./streams.ts";
import { DEAD_STREAM, HOOK_STREAM, put, WAIT_STREAM } from "./webhook-records.ts";
import { openBook } from "./webhooks.ts";

const hook = "policy:default:crm";

const letter = (id: string, size = 0) => ({
  event: {
    version: 1,
    id,
    type: "message.bounced",
    timestamp: "2026-11-29T14:00:00.000Z",
    data: { text: "x".repeat(size) },
  } as unknown as MessageEvent,
  attempts: 1,
  since: 1,
  why: "answered 500",
});
const waitingOf = (id: string, size = 0): Waiting => ({ ...letter(id, size), next: 2 });
const deadOf = (id: string, size = 0): Dead => ({ ...letter(id, size), at: 9 });

const bookOf = (link: Link, namespace: string) =>
  openBook({ link, namespace, clock: systemClock, log: silent, onAgain: () => {} });

async function resize(link: Link, stream: string, max_bytes: number): Promise<void> {
  const jsm = await jetstreamManager(link.nc);
  const { config } = await jsm.streams.info(stream);
  await jsm.streams.update(stream, { ...config, max_bytes });
}

async function gains(link: Link, namespace: string): Promise<void> {
  let isHeld = false;
  await using leases = new HookLeases({
    link,
    member: "m",
    alone: false,
    gained: () => {
      isHeld = true;
    },
    lost: () => {},
    clock: systemClock,
    log: silent,
    times: { ttlMs: 2_000, renewMs: 300, fenceMs: 1_500, spreadMs: 20 },
  });
  leases.want(new Set([namespace]));
  await leases.start();
  await untilTrue("the lease", () => isHeld);
}

const world = await startTenants("default");
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

test("of the dead a namespace keeps its share, the newest, and takes nothing of another's", async () => {
  await using theirs = await bookOf(all, "quiet");
  await theirs.bury(hook, deadOf("theirs"), []);
  await using book = await bookOf(own, "default");
  let lost = 0;
  for (let i = 0; i < 60; i++)
    lost += await book.bury(`policy:default:h${i % 7}`, deadOf(`d${i}`, 100_000), []);
  const kept = [...(await readShelf(all, "default")).all()].flatMap(([, { events }]) => [
    ...events.dead.keys(),
  ]);
  assert.deepEqual([kept.length + lost, kept.includes("d59"), kept.includes("d0")], [60, true, false]);
  assert.ok(kept.length >= 35 && kept.length <= 42, `${kept.length} of 100 kB in 4 MiB`);
  const [quiet] = (await readShelf(all, "quiet")).all();
  assert.deepEqual([...(quiet?.[1].events.dead.keys() ?? [])], ["theirs"]);
});

test("of what waits a namespace keeps its share; more stays with whoever sends, and another's finds room", async () => {
  await using book = await bookOf(own, "default");
  let kept = 0;
  while (kept < 100 && (await book.putWaiting(hook, waitingOf(`w${kept}`, 100_000)))) kept++;
  assert.ok(kept >= 35 && kept <= 42, `${kept} of 100 kB in 4 MiB`);
  assert.equal(await book.putWaiting(hook, waitingOf("w0", 90_000)), true, "what is there is replaced");
  await using theirs = await bookOf(all, "quiet");
  assert.equal(await theirs.putWaiting(hook, waitingOf("w", 100_000)), true);
  await book.removeWaiting(hook, "w1");
  assert.equal(await book.putWaiting(hook, waitingOf("more", 90_000)), true);
  await book.forget(hook);
  await untilTrue("nothing to wait", async () => {
    const [[, shelved] = []] = [...(await readShelf(all, "default")).all()].filter(
      ([named]) => named.hook === hook,
    );
    return shelved?.events.waiting.size === 0;
  });
});

test("full streams of letters stop neither leases nor places, and what was taken still leaves them", async () => {
  {
    await using book = await bookOf(own, "default");
    assert.equal(await book.putWaiting(hook, waitingOf("there", 1_000)), true);
  }
  const orders = new GroupCommit(all, { stream: WAIT_STREAM, clock: systemClock, log: silent });
  await orders.commit([put({ namespace: "default", hook }, "again", waitingOf("again"), "again")]);
  await resize(all, WAIT_STREAM, 2_000);
  await resize(all, DEAD_STREAM, 20_000);
  await assert.rejects(orders.commit([put({ namespace: "x", hook }, "waiting", waitingOf("w"), "w")]), {
    kind: "full",
  });
  await gains(all, "other");
  await using book = await bookOf(own, "default");
  const waiting = book.remembered.get(hook)?.waiting;
  assert.deepEqual([...(waiting?.keys() ?? [])].sort(), ["again", "there"]);
  await book.setPlace(hook, { after: 7 });
  await book.setCondition(hook, { is: "failing", at: 1, why: "answered 500" });
  assert.equal(await book.putWaiting(hook, waitingOf("new")), false);
  for (let i = 0; i < 10; i++) await book.bury(hook, deadOf(`late${i}`, 5_000), []);
  for (const id of ["there", "again"]) await book.removeWaiting(hook, id);
  const found = [...(await readShelf(all, "default")).all()].find(([named]) => named.hook === hook);
  const { waiting: left, again, dead } = found?.[1].events ?? assert.fail();
  assert.deepEqual([left.size, again.size], [0, 0]);
  assert.ok(dead.has("late9") && !dead.has("late0"), "the newest of the dead are kept");
});

test("an installation of the version before, with HOOKS full of the dead, works after the upgrade", async () => {
  await using old = await startTenantNats([], true);
  await using link = await old.link(operator);
  const jsm = await jetstreamManager(link.nc);
  const config = { ...base({ replicas: 1 }), name: HOOK_STREAM, subjects: ["hooks.>"], max_bytes: 300_000 };
  await jsm.streams.add(config as unknown as StreamConfig & { name: string });
  const former = new GroupCommit(link, { stream: HOOK_STREAM, clock: systemClock, log: silent });
  const write = (namespace: string, what: string, id: string, value: object, ttl = "600000s") =>
    former.commit([
      { subject: `hooks.${namespace}.${hook}.${what}.${id}`, data: Buffer.from(JSON.stringify(value)), ttl },
    ]);
  await write("shop", "place", "_", { after: 42, by: "somebody" });
  await write("shop", "waiting", "w", waitingOf("w"));
  await write("shop", "again", "a", waitingOf("a"));
  await write("ended", "dead", "of-no-hook", deadOf("of-no-hook"));
  await former.commit([{ subject: "hooks.shop._.lease._", data: Buffer.from('{"by":"old"}'), ttl: "3s" }]);
  let dead = 0;
  for (let isFull = false; !isFull; dead += isFull ? 0 : 1)
    await write("noisy", "dead", `d${dead}`, deadOf(`d${dead}`, 4_000)).catch((error: unknown) => {
      isFull = error instanceof StoreFault && error.kind === "full";
      assert.ok(isFull, String(error));
    });

  await ensureInstallation(link, unbounded(1));
  await ensureInstallation(link, unbounded(1)); // any number of times
  const shelf = new Map(
    [...(await readShelf(link, undefined)).all()].map(([{ namespace }, shelved]) => [namespace, shelved]),
  );
  assert.equal(shelf.get("noisy")?.events.dead.size, dead);
  assert.equal(shelf.get("ended")?.events.dead.size, 1);
  const ttl = await ttlOf(link, `hookdead.ended.${hook}.dead.of-no-hook`);
  assert.ok(ttl > 29 * 86_400 && ttl <= 30 * 86_400, `it ends when it was to end, in ${ttl} s`);

  await gains(link, "shop"); // once the daemon of before has let go of it
  assert.equal(await isThere(link, "hooks.shop._.lease._"), false);
  await using theirs = await old.link(tenant("shop"));
  await using book = await bookOf(theirs, "shop");
  const { place, waiting } = book.remembered.get(hook) ?? assert.fail();
  assert.deepEqual([place && "after" in place && place.after, [...waiting.keys()].sort()], [42, ["a", "w"]]);
  await book.setPlace(hook, { after: 43 });
  const left = await jsm.streams.info(HOOK_STREAM, { subjects_filter: "hooks.*.*.waiting.*" });
  for (const subject of Object.keys(left.state.subjects ?? {}))
    assert.equal(await isThere(link, subject), false);
});

async function recordOf(link: Link, subject: string) {
  const jsm = await jetstreamManager(link.nc);
  const stream = subject.slice(0, subject.indexOf(".")).toUpperCase();
  return jsm.streams.getMessage(stream, { last_by_subj: subject }).catch(() => null);
}
const isThere = async (link: Link, subject: string) =>
  ((await recordOf(link, subject))?.data.length ?? 0) > 0;
const ttlOf = async (link: Link, subject: string) =>
  Number.parseInt((await recordOf(link, subject))?.header.get("Nats-TTL") ?? "0", 10);
