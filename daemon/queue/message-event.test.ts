/** Message events: what each trace event becomes, held to the schema, and read back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { job as aJob, alice, message, remote, sender } from "../../test/harness/settling.ts";
import type { Address, Domain } from "../mail/address.ts";
import { bounceClasses } from "../mail/bounce/classes.ts";
import { reply } from "../mail/reply.ts";
import { eventSchema } from "./event-schema.ts";
import type { EventDetail, TraceEvent } from "./events.ts";
import { newMessageId } from "./ids.ts";
import { concerning, eventKinds, kindOf, messageEvents, traceOf } from "./message-event.ts";

const at = Date.UTC(2026, 10, 29, 14);
const validate = new Ajv2020({ validateFormats: false, allowUnionTypes: true }).compile(
  eventSchema("closed"),
);
const job = aJob();
const about = concerning(job);
const bob = "bob@example.net" as Address;
const eve = "eve@example.net" as Address;
const end = {
  recipients: [bob, eve],
  reply: reply(451, "4.7.1", "Later"),
  remote,
  bounce: "greylisted",
  ms: 12,
} as const;
const report = newMessageId(at, new Uint8Array(10).fill(7));

const details: readonly EventDetail[] = [
  {
    kind: "accepted",
    sender: alice,
    recipients: [bob, eve],
    size: 512,
    client: "192.0.2.1",
    protocol: "ESMTP",
    helo: "laptop",
    user: "alice@example.test",
    results: "spf=pass",
    junk: true,
  },
  {
    kind: "delivered",
    how: "relayed",
    recipients: [bob, eve],
    reply: reply(250, "2.0.0", "Ok"),
    remote,
    ms: 3,
  },
  { kind: "delivered", how: "final", recipients: [bob], reply: reply(250, "2.0.0", "Ok") },
  { kind: "deferred", nextAttempt: at + 60_000, ...end },
  { kind: "failed", ...end, bounce: "mailbox-unknown" },
  {
    kind: "failed",
    recipients: [bob],
    reply: reply(550, "5.1.1", "No"),
    bounce: "other",
    late: true,
    report,
  },
  { kind: "expired", ...end, bounce: "expired" },
  { kind: "complained", recipients: [bob], feedback: "abuse", report },
  { kind: "dsn", report: "failure", id: report, to: alice },
  { kind: "dropped", reason: "it failed, and it has no sender who could be told" },
  { kind: "held" },
  { kind: "released" },
  { kind: "retried" },
  { kind: "purged" },
  { kind: "unrouted" },
  { kind: "bounced", reason: "" },
  { kind: "rerouted", host: "mx.example", port: 25 },
];
const traced = (detail: EventDetail): TraceEvent => ({
  at,
  message,
  ...(detail.kind === "accepted" ? {} : { group: 2 }),
  ...detail,
});

for (const detail of details)
  test(`${detail.kind}${"late" in detail ? ", late" : ""}: fits the schema, and is read back as it was`, () => {
    const event = traced(detail);
    const events = messageEvents(event, about);
    for (const each of events) assert.ok(validate(each), JSON.stringify(validate.errors?.slice(0, 3)));
    assert.equal(events.length, "recipients" in detail ? detail.recipients.length : 1);
    assert.deepEqual(traceOf(JSON.parse(JSON.stringify(events))), [event]);
  });

test("every kind of the contract is among those tested", () => {
  const kinds = new Set(details.flatMap((detail) => messageEvents(traced(detail), about).map(kindOf)));
  assert.deepEqual([...kinds].sort(), [...eventKinds].sort());
});

test("an event tells whose message it is, which attempt it was, and what became of one recipient", () => {
  const [event] = messageEvents(traced({ kind: "deferred", nextAttempt: at + 60_000, ...end }), {
    ...about,
    attempts: 3,
  });
  assert.deepEqual(
    { ...event, id: "" },
    {
      version: 1,
      id: "",
      type: "message.deferred",
      timestamp: "2026-11-29T14:00:00.000Z",
      data: {
        message,
        job: 2,
        namespace: "default",
        policy: "default",
        domain: "example.test",
        direction: "outbound",
        sender: alice,
        recipient: bob,
        queuedAt: "2026-11-23T08:00:00.000Z",
        attempt: 4,
        reply: reply(451, "4.7.1", "Later"),
        remote,
        class: "greylisted",
        durationMs: 12,
        nextAttempt: "2026-11-29T14:01:00.000Z",
      },
    },
  );
});

const sides = [
  [
    "what is filed is its mailbox's domain's",
    { class: "local" as const, destination: "home.test" as Domain },
    "home.test",
  ],
  ["what leaves is its sender's domain's", {}, "example.test"],
  ["a report that leaves is nobody's", { sender: sender({ path: "" }) }, undefined],
] as const;
for (const [name, over, domain] of sides)
  test(name, () => assert.equal(concerning(aJob(over)).domain, domain));

test("the same happening has the same id, whenever and however it is told; another has another", () => {
  const idOf = (detail: EventDetail, over: Partial<typeof about> = {}, more: Partial<TraceEvent> = {}) =>
    messageEvents({ ...traced(detail), ...more } as TraceEvent, { ...about, ...over }).map(({ id }) => id);
  const delivered = details[1] as EventDetail;
  const first = idOf(delivered);
  assert.deepEqual(idOf(delivered, {}, { at: at + 5_000 }), first);
  const others = [
    idOf(delivered, { attempts: 1 }),
    idOf(delivered, {}, { group: 3 }),
    idOf(delivered, {}, { message: report }),
    idOf(details[3] as EventDetail),
    idOf(details[0] as EventDetail),
    idOf(details[0] as EventDetail, {}, { group: 1 }),
    idOf({ kind: "held" }),
    idOf({ kind: "held" }, {}, { at: at + 1 }),
  ].flat();
  assert.equal(new Set([...first, ...others]).size, first.length + others.length);
});

test("whatever strangers answer makes events of the contract", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });
  const attempt = fc.record({
    code: fc.integer({ min: 200, max: 599 }),
    text,
    name: text,
    bounce: fc.constantFrom(...bounceClasses),
    recipient: text,
  });
  fc.assert(
    fc.property(attempt, ({ code, text: said, name, bounce, recipient }) => {
      const event = traced({
        kind: "failed",
        recipients: [recipient as Address],
        reply: reply(code, "5.0.0", said),
        remote: { name },
        bounce,
      });
      const line = JSON.stringify(messageEvents(event, about)[0]);
      assert.ok(!line.includes("\n"));
      assert.ok(validate(JSON.parse(line)));
    }),
  );
});
