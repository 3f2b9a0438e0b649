/**
 * A real daemon's stream of message events, read as a stranger reads it and held to the published schema: docs/events.md.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { eventSchema } from "../../../daemon/queue/event-schema.ts";
import { eventKinds, type MessageEvent } from "../../../daemon/queue/message-event.ts";
import { abuseReport } from "../../harness/abuse-report.ts";
import { deliveryReport } from "../../harness/delivery-report.ts";
import { aDomain, aMailbox, aPolicy, inNamespace, manifest } from "../../harness/manifest.ts";
import { perRecipient } from "../../harness/next-hop.ts";
import { until } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
const documents = new URL("../../../docs/", import.meta.url);
const published = ajv.compile(JSON.parse(await readFile(new URL("events.schema.json", documents), "utf8")));
const closed = ajv.compile(eventSchema("closed"));

const inOther = inNamespace("other");
/** Whoever comes from here has messages that are given up when a test says so. */
const hasty = "127.0.0.3";

const retry = { initial: "1s", factor: 1, max: "1s", delayNoticeAfter: "0s" } as const;
const resources = (expireAfter: string) => [
  aDomain("home.example", { aliases: [{ name: "complaints", to: ["sender@home.example"] }] }),
  aMailbox("sender@home.example"),
  inOther(aDomain("other.example")),
  inOther(aMailbox("olga@other.example")),
  aPolicy({
    acceptFrom: { cidrs: ["127.0.0.1/32"] },
    retry: { ...retry, initial: "1h", max: "1h" }, // no attempt comes between an operator's orders
    suppression: { hardBounces: {}, complaints: { address: "complaints@home.example", for: "90d" } },
  }),
  aPolicy({ acceptFrom: { cidrs: [`${hasty}/32`] }, retry: { ...retry, expireAfter } }, "hasty"),
];
const world = await openWorld({
  documents: resources("1h"),
  hops: {
    "127.0.0.2": perRecipient({
      "gone@far.example": "550 5.1.1 No such user",
      "later@far.example": "451 4.7.1 Later",
    }),
  },
  zone: { "far.example": ["A 127.0.0.2"] },
  args: ["--keep-events", "on"],
});
after(() => world[Symbol.asyncDispose]());
const hop = world.hop("127.0.0.2");

const all = async (): Promise<{ subject: string; event: MessageEvent }[]> =>
  (await world.observer.eventRecords()).flatMap(({ subject, lines }) =>
    lines.map((line) => ({ subject, event: JSON.parse(line) as MessageEvent })),
  );
const eventOf = (type: string, message: string, fits: (event: MessageEvent) => boolean = () => true) =>
  until(`${type} of ${message}`, async () =>
    (await all())
      .map(({ event }) => event)
      .find((event) => event.type === `message.${type}` && event.data.message === message && fits(event)),
  );

test("a message that is delivered, refused, or too old tells so, one event for each recipient", async () => {
  const to = ["well@far.example", "gone@far.example", "later@far.example"];
  const id = await world.submit({ as: hasty, to });
  for (const one of to) await eventOf("accepted", id, ({ data }) => data.recipient === one);
  const delivered = await eventOf("delivered", id);
  assert.deepEqual(
    [
      delivered.data.recipient,
      delivered.data.reply?.code,
      delivered.data.remote?.address,
      delivered.data.domain,
    ],
    ["well@far.example", 250, "127.0.0.2", "home.example"],
  );
  const bounced = await eventOf("bounced", id);
  assert.deepEqual(
    [bounced.data.recipient, bounced.data.class, bounced.data.reply?.enhanced, bounced.data.attempt],
    ["gone@far.example", "mailbox-unknown", "5.1.1", 1],
  );
  const deferred = await eventOf("deferred", id);
  assert.equal(deferred.data.class, "policy");
  assert.ok(Date.parse(deferred.data.nextAttempt ?? "") > Date.parse(deferred.timestamp));
  await world.fleet.rewrite(manifest(...resources("2s")));
  const expired = await eventOf("expired", id);
  assert.ok((expired.data.attempt ?? 0) > 1);
  const reported = await eventOf("reported", id);
  assert.equal(reported.data.to, "sender@home.example");
  await eventOf("delivered", reported.data.report ?? "");
});

test("one message to two namespaces tells each of its own recipients only", async () => {
  const id = await world.submit({ to: ["sender@home.example", "olga@other.example"] });
  await eventOf("delivered", id, ({ data }) => data.recipient === "olga@other.example");
  const others = (await all()).filter(({ subject }) => subject.startsWith("events.other."));
  assert.deepEqual(
    others.filter(({ event }) => event.data.message === id).map(({ event }) => event.data.recipient),
    ["olga@other.example", "olga@other.example"],
  );
  for (const { subject, event } of await all())
    assert.equal(subject, `events.${event.data.namespace}.${event.type.replace("message.", "")}`);
});

test("complaints, and bounces that come back, name the message that they are about", async () => {
  const received = async (to: string) => {
    const id = await world.submit({ to, text: "From: <sender@home.example>\nSubject: an offer\n\nbuy\n" });
    const octets = await until(
      `the message for ${to}`,
      () => hop.messages.findLast(({ rcpts }) => rcpts.some((line) => line.includes(`<${to}>`)))?.octets,
    );
    return { id, original: octets.toString() };
  };
  const annoyed = await received("annoyed@far.example");
  const fbl = { as: stranger, from: "fbl@provider.example", to: "complaints@home.example" };
  const complaint = await world.submit({
    ...fbl,
    text: abuseReport({ original: annoyed.original }).replaceAll("\r\n", "\n"),
  });
  const complained = await eventOf("complained", annoyed.id);
  assert.deepEqual(
    [complained.data.recipient, complained.data.feedback, complained.data.report, complained.data.policy],
    ["annoyed@far.example", "abuse", complaint, "default"],
  );
  const taken = await received("taken@far.example");
  const bounce = { as: stranger, from: "", to: "sender@home.example" };
  await world.submit({
    ...bounce,
    text: deliveryReport({ original: taken.original }).replaceAll("\r\n", "\n"),
  });
  const late = await eventOf("bounced", taken.id);
  assert.deepEqual([late.data.late, late.data.recipient], [true, "taken@far.example"]);
  assert.match(await world.fleet.command("trace", taken.id), /failed .*550 5\.1\.1 .*\(told by /);
});

test("what operators do is told", async () => {
  const id = await world.submit({ to: "later@far.example" });
  await eventOf("deferred", id);
  await world.fleet.command("queue", "hold", id);
  await world.fleet.command("queue", "bounce", id, "--reason", "wrong list");
  await eventOf("held", id);
  assert.equal((await eventOf("returned", id)).data.reason, "wrong list");
  assert.equal((await eventOf("bounced", id)).data.class, "operator");
});

test("postfleet events prints them, as many as are wanted", async () => {
  const id = await world.submit({ to: "well@far.example" });
  await eventOf("delivered", id);
  const printed = await world.fleet.command("events", "--kind", "delivered", "--namespace", "default");
  const events = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as MessageEvent);
  assert.ok(events.some(({ data }) => data.message === id));
  assert.ok(events.every(({ type, data }) => type === "message.delivered" && data.namespace === "default"));
});

test("every event of all of that fits the schema as published, and says nothing that it does not describe", async () => {
  const events = await all();
  for (const { event } of events) {
    assert.ok(published(event), `${JSON.stringify(event)}: ${JSON.stringify(published.errors?.slice(0, 3))}`);
    assert.ok(closed(event), `${JSON.stringify(event)}: ${JSON.stringify(closed.errors?.slice(0, 3))}`);
  }
  const told = new Map<string, string>(); // what was told twice, since an answer was lost, is the same
  for (const { event } of events) {
    const text = JSON.stringify(event);
    assert.equal(told.get(event.id) ?? text, text, "ids are of one event each");
    told.set(event.id, text);
  }
});

test("the guide names every kind and every field", async () => {
  const guide = await readFile(new URL("events.md", documents), "utf8");
  for (const kind of eventKinds) assert.ok(guide.includes(`\`${kind}\``), kind);
  const fields = new Set((await all()).flatMap(({ event }) => Object.keys(event.data)));
  for (const field of fields) assert.ok(guide.includes(`\`${field}\``), field);
});
