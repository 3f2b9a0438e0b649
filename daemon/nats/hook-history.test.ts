/**
 * The event stream is brought back from a copy while webhooks are looked after, by the rights of a namespace's own daemon: they
 * go on where the stream does.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { readShelf } from "../../test/harness/hook-shelf.ts";
import { bringBack, copyStream } from "../../test/harness/stream-copy.ts";
import { startTenants } from "../../test/harness/tenants.ts";
import { untilTrue } from "../../test/harness/until.ts";
import type { HookEntry } from "../directory/hooks.ts";
import { systemClock } from "../kit/clock.ts";
import { FairSlots } from "../kit/fair-slots.ts";
import { silent } from "../kit/log.ts";
import { Carrier } from "../webhooks/carrier.ts";
import type { Place } from "../webhooks/store.ts";
import type { Link } from "./connect.ts";
import { EVENT_STREAM } from "./streams.ts";
import { eventSource, openBook } from "./webhooks.ts";

const world = await startTenants("default");
after(() => world[Symbol.asyncDispose]());
const { all, own } = world;

const entry: HookEntry = {
  namespace: "default",
  id: "policy:default:crm",
  scope: { kind: "RelayPolicy", policy: "default/default" as never },
  url: "https://hooks.example/x",
  keys: [Buffer.alloc(32, 1)],
  kinds: new Set(),
  giveUpAfterMs: 3_600_000,
};

/** Servers' clocks may differ by so much. */
const CLOCKS_MS = 2_000;
let storedAt = 0;

async function append(...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const data = { namespace: "default", policy: "default", direction: "outbound", message: id };
    const event = { version: 1, id, type: "message.bounced", timestamp: new Date().toISOString(), data };
    const answer = await all.nc.request("events.default.bounced", JSON.stringify(event));
    assert.ok(answer.json<{ seq?: number }>().seq);
  }
  storedAt = Date.now();
}
const laterThanThat = () => untilTrue("clocks to be past it", () => Date.now() > storedAt + CLOCKS_MS + 500);

/** A daemon that looks after the hook, and whose receiver takes everything. */
async function carry(link: Link, place?: Place) {
  const book = await openBook({
    link,
    namespace: "default",
    clock: systemClock,
    log: silent,
    onAgain: () => {},
  });
  if (place) await book.setPlace(entry.id, place);
  const told: string[] = [];
  const carrier = new Carrier(
    {
      namespace: "default",
      book,
      remembered: place ? new Map([[entry.id, { place, waiting: new Map(), dead: [] }]]) : book.remembered,
      forget: (hook) => book.forget(hook),
      source: eventSource(link, silent, systemClock),
      post: async ({ headers }) => {
        told.push(headers["webhook-id"] ?? "");
        return { kind: "answered", status: 204 };
      },
      calls: new FairSlots(8).of("default"),
      catchingUp: new FairSlots(2).of("default"),
      clock: systemClock,
      chance: () => 0.5,
      log: silent,
      counted: () => {},
      onUsurped: () => assert.fail("nobody else is there"),
    },
    [entry],
  );
  return {
    told,
    async [Symbol.asyncDispose]() {
      await carrier[Symbol.asyncDispose]();
      await book[Symbol.asyncDispose]();
    },
  };
}

async function placeNow(): Promise<Extract<Place, { after: number }>> {
  const [found] = (await readShelf(all, "default")).all();
  const place = found?.[1].place;
  assert.ok(place && "after" in place);
  return place;
}

const heard = (of: { told: readonly string[] }, id: string) =>
  untilTrue(`${id} to be told`, () => of.told.includes(id));

test("a stream that ends before what was heard: what is stored from then on is told, and the place goes back", async () => {
  {
    await using daemon = await carry(own);
    await append("a1", "a2");
    const copy = await copyStream(all.nc, EVENT_STREAM);
    await append("a3", "a4", "a5");
    await heard(daemon, "a5");
    await bringBack(all.nc, copy);
    await append("a6"); // it has a sequence that was heard of
    await heard(daemon, "a6");
    await append("a7");
    await heard(daemon, "a7");
  }
  assert.equal((await placeNow()).after, 4);
});

test("a stream that has grown past what was heard by then: nothing of it is passed over", async () => {
  await using daemon = await carry(own);
  await append("b1");
  const copy = await copyStream(all.nc, EVENT_STREAM);
  await append("b2", "b3");
  await heard(daemon, "b3");
  await laterThanThat();
  await bringBack(all.nc, copy);
  const since = ["b4", "b5", "b6", "b7", "b8"];
  await append(...since);
  for (const id of since) await heard(daemon, id);
});

test("who comes only then knows it by the place that was written", async () => {
  await append("c1");
  const copy = await copyStream(all.nc, EVENT_STREAM);
  {
    await using daemon = await carry(own);
    await append("c2", "c3");
    await heard(daemon, "c3");
  }
  const place = await placeNow();
  await laterThanThat();
  await bringBack(all.nc, copy);
  await append("c4", "c5", "c6", "c7");
  await using next = await carry(own);
  for (const id of ["c4", "c5", "c6", "c7"]) await heard(next, id);
  assert.ok(place.at !== undefined && place.at > 0);
});

test("a place of a version before, which tells no time, is known to be too far", async () => {
  await using daemon = await carry(own, { after: 1_000_000 });
  await append("d1");
  await heard(daemon, "d1");
});
