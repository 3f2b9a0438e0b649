/** The stream of events: what is written, when it counts as written, and what its readers get. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { until } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { type Log, silent } from "../kit/log.ts";
import type { TraceEvent } from "../queue/events.ts";
import { newMessageId } from "../queue/ids.ts";
import type { PolicyName } from "../queue/job.ts";
import { EventLog, eventSubjects, parseEvents, readEvents } from "./events.ts";
import { unbounded } from "./installation.ts";
import { EVENT_STREAM, ensureQueueStreams } from "./streams.ts";
import { Tail } from "./tail.ts";

const nats = await startNats();
const link = await linkTo(nats, { name: "events" });
const layout = { shards: 1, partitions: 4 };
await ensureQueueStreams(link, layout, unbounded(1));
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const about = (namespace: string) =>
  ({ policy: `${namespace}/default` as PolicyName, direction: "outbound" }) as const;
const held = (message = newMessageId(Date.now())): TraceEvent => ({ kind: "held", at: Date.now(), message });
const open = (wanted: readonly string[] = []) =>
  new EventLog({ link, clock: systemClock, log: silent, wanted: (namespace) => wanted.includes(namespace) });

async function records(filter: string): Promise<{ subject: string; count: number }[]> {
  const found: { subject: string; count: number }[] = [];
  await using tail = new Tail(link, {
    stream: EVENT_STREAM,
    filters: [filter],
    since: 1,
    onMessage: ({ subject, data }) => void found.push({ subject, count: parseEvents(data).length }),
    log: silent,
  });
  await tail.start();
  await tail.caughtUp;
  return found;
}

test("events lie under their namespace and kind; those of one moment share a record", async () => {
  await using log = open();
  for (let i = 0; i < 3; i++) log.tell(held(), about("one"));
  log.tell({ ...held(), kind: "purged" }, about("one"));
  log.tell(held(), about("two"));
  await log[Symbol.asyncDispose]();
  assert.deepEqual(await records(eventSubjects("one")), [
    { subject: "events.one.held", count: 3 },
    { subject: "events.one.purged", count: 1 },
  ]);
  assert.deepEqual(await records("events.*.purged"), [{ subject: "events.one.purged", count: 1 }]);
});

test("what somebody relies on is stored when `keep` resolves; nothing else is waited for", async () => {
  await using log = open(["relied"]);
  assert.equal(log.keep([held()], about("unrelied")), undefined);
  await Promise.all(Array.from({ length: 50 }, () => log.keep([held()], about("relied"))));
  const kept = await records(eventSubjects("relied"));
  assert.equal(
    kept.reduce((sum, { count }) => sum + count, 0),
    50,
  );
  assert.ok(kept.length <= 2, `${kept.length} writes for 50 that waited together`);
  assert.deepEqual(await records(eventSubjects("unrelied")), []);
});

test("what is told behind and what is waited for are written apart", async () => {
  await using log = open(["apart"]);
  log.tell(held(), about("apart"));
  const kept = log.keep([{ ...held(), kind: "purged" }], about("apart"));
  await kept;
  assert.deepEqual(await records(eventSubjects("apart")), [{ subject: "events.apart.purged", count: 1 }]);
  await log[Symbol.asyncDispose]();
  assert.equal((await records(eventSubjects("apart"))).length, 2);
});

test("a log that ends stores what is still waited for", async () => {
  const log = open(["last"]);
  const kept = [log.keep([held()], about("last")), log.keep([held()], about("last"))];
  await log[Symbol.asyncDispose]();
  await Promise.all(kept);
  assert.equal(
    (await records(eventSubjects("last"))).reduce((sum, { count }) => sum + count, 0),
    2,
  );
});

test("more than a page of one kind becomes several records", async () => {
  await using log = open(["big"]);
  await log.keep(
    Array.from({ length: 2_000 }, () => held()),
    about("big"),
  );
  const found = await records(eventSubjects("big"));
  assert.ok(found.length > 1);
  assert.equal(
    found.reduce((sum, { count }) => sum + count, 0),
    2_000,
  );
});

test("what was told twice is read once; lines of before the contract are read, and what is no event is passed over", async () => {
  const message = newMessageId(Date.now());
  const event = held(message);
  await using log = open(["again"]);
  await log.keep([event], about("again"));
  await log.keep([event], about("again"));
  const lines = [
    JSON.stringify({ kind: "released", at: event.at + 1, message, group: 0 }),
    `{"${message}`,
    "null",
  ];
  await link.nc.request("events._.old-daemon", lines.join("\n"));
  const kinds = (await readEvents(link, message, silent)).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["held", "released"]);
});

/** With some words, or with more than the stream takes. */
const returned = (length: number, message = newMessageId(Date.now())): TraceEvent => ({
  kind: "bounced",
  at: Date.now(),
  message,
  reason: "x".repeat(length),
});

test("an event that can never be stored is left out; what is kept with it, before it and after it is stored", async () => {
  const told: { subject?: unknown; events?: unknown }[] = [];
  const log: Log = { ...silent, error: (fields: object) => void told.push(fields) } as Log;
  const manager = await jetstreamManager(link.nc);
  const { config } = await manager.streams.info(EVENT_STREAM);
  await manager.streams.update(EVENT_STREAM, { ...config, max_msg_size: 4_096 });
  await using events = new EventLog({ link, clock: systemClock, log, wanted: () => true, timeoutMs: 60_000 });
  const messages = Array.from({ length: 6 }, () => newMessageId(Date.now()));
  await Promise.all([
    events.keep([held(messages[0])], about("poison")),
    events.keep([returned(10_000)], about("poison")),
    events.keep([returned(10, messages[1])], about("poison")),
    events.keep([held(messages[2])], about("beside")),
  ]);
  await events.keep([held(messages[3])], about("poison"));
  // Written behind it is the same.
  events.tell(held(messages[4]), about("poison"));
  events.tell(returned(10_000), about("poison"));
  events.tell(returned(10, messages[5]), about("poison"));
  await events[Symbol.asyncDispose]();
  await manager.streams.update(EVENT_STREAM, { ...config, max_msg_size: -1 });
  for (const [i, message] of messages.entries())
    assert.equal((await readEvents(link, message, silent)).length, 1, `the event of message ${i}`);
  assert.deepEqual(
    told.map(({ subject, events: count }) => [subject, count]),
    [["events.poison.returned", 1]],
    "told once in a while",
  );
});

test("retention and size are settings: they change when they are asked for, and else stay", async () => {
  const configOf = async () => {
    const answer = await link.nc.request(`$JS.API.STREAM.INFO.${EVENT_STREAM}`);
    const { config } = answer.json<{ config: { max_age: number; max_bytes: number } }>();
    return [config.max_age / 3.6e12, config.max_bytes];
  };
  assert.deepEqual(await configOf(), [14 * 24, 256 << 20]);
  await ensureQueueStreams(link, layout, {
    ...unbounded(1),
    eventAgeMs: 48 * 3_600_000,
    eventBytes: 64 << 20,
  });
  assert.deepEqual(await configOf(), [48, 64 << 20]);
  await ensureQueueStreams(link, layout, unbounded(1));
  assert.deepEqual(await configOf(), [48, 64 << 20]);
});

test("events of a moment without NATS follow when it is back", async () => {
  const message = newMessageId(Date.now());
  await using log = open();
  await nats.kill9();
  await until("the link to be down", () => (link.isUp() ? undefined : true));
  log.tell(held(message), about("outage"));
  await nats.restart();
  const read = async () => {
    const events = link.isUp() ? await readEvents(link, message, silent) : [];
    return events.length > 0 ? events : undefined;
  };
  assert.equal((await until("the event", read)).length, 1);
});
