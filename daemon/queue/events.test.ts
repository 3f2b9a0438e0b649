import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import { type EventDetail, formatEvent, type TraceEvent } from "./events.ts";
import { newMessageId } from "./ids.ts";

const at = Date.UTC(2026, 10, 23, 8, 2, 7, 123);
const message = newMessageId(at, new Uint8Array(10));
const bob = "bob@example.net" as Address;
const remote = { name: "mx.example.net", address: "192.0.2.5" };
const later = reply(451, "4.7.1", "Come back\nlater");
const event = (detail: EventDetail, group?: number): TraceEvent => ({
  at,
  message,
  ...(group === undefined ? {} : { group }),
  ...detail,
});

const table: { name: string; given: TraceEvent; want: string }[] = [
  {
    name: "accepted",
    given: event({
      kind: "accepted",
      sender: "alice@example.test" as Address,
      recipients: [bob],
      size: 5120,
      client: "192.0.2.1",
      protocol: "ESMTPSA",
      helo: "laptop",
      user: "alice",
    }),
    want: "accepted <alice@example.test> to <bob@example.net>, 5120 octets, ESMTPSA from 192.0.2.1 (laptop) as alice",
  },
  {
    name: "accepted from a stranger",
    given: event({
      kind: "accepted",
      sender: "",
      recipients: [bob],
      size: 10,
      client: "192.0.2.1",
      protocol: "ESMTP",
      results: "spf=fail dkim=none dmarc=fail",
      junk: true,
    }),
    want: "accepted <> to <bob@example.net>, 10 octets, ESMTP from 192.0.2.1: spf=fail dkim=none dmarc=fail, into Junk",
  },
  {
    name: "deferred",
    given: event(
      { kind: "deferred", recipients: [bob], reply: later, remote, ms: 12.4, nextAttempt: at + 300_000 },
      0,
    ),
    want: "deferred job 0 <bob@example.net> by mx.example.net [192.0.2.5] in 12 ms: 451 4.7.1 Come back later; next attempt 2026-11-23T08:07:07.123Z",
  },
  {
    name: "failed, with what it is about",
    given: event({
      kind: "failed",
      recipients: [bob],
      reply: reply(552, "5.2.2", "Full"),
      bounce: "mailbox-full",
    }),
    want: "failed <bob@example.net>: [mailbox-full] 552 5.2.2 Full",
  },
  {
    name: "relayed",
    given: event(
      { kind: "delivered", how: "relayed", recipients: [bob], reply: reply(250, "2.0.0", "ok") },
      3,
    ),
    want: "delivered job 3 <bob@example.net>: 250 2.0.0 ok (relayed)",
  },
  {
    name: "failed for many",
    given: event({
      kind: "failed",
      recipients: Array.from({ length: 7 }, (_, i) => `u${i}@x` as Address),
      reply: reply(550, "5.1.1", "Who?"),
    }),
    want: "failed <u0@x> <u1@x> <u2@x> <u3@x> <u4@x> and 2 more: 550 5.1.1 Who?",
  },
  {
    name: "a report",
    given: event({ kind: "dsn", report: "failure", id: message, to: bob }),
    want: `dsn failure report ${message} to <bob@example.net>`,
  },
  {
    name: "dropped",
    given: event({ kind: "dropped", reason: "a report could not be delivered" }),
    want: "dropped a report could not be delivered",
  },
  { name: "held", given: event({ kind: "held" }), want: "held by an operator" },
  {
    name: "bounced",
    given: event({ kind: "bounced", reason: "spam run" }),
    want: "bounced by an operator: spam run",
  },
  {
    name: "rerouted",
    given: event({ kind: "rerouted", host: "backup.example.net", port: 25 }),
    want: "rerouted to backup.example.net:25",
  },
];
for (const { name, given, want } of table)
  test(`an event in words: ${name}`, () =>
    assert.equal(formatEvent(given), `2026-11-23T08:02:07.123Z ${want}`));

test("no reply of a stranger breaks the line or steers the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const line = formatEvent(
        event({ kind: "failed", recipients: [bob], reply: reply(550, "5.0.0", text) }),
      );
      assert.doesNotMatch(line, /\p{Cc}|[\u2028\u2029]/u);
    }),
  );
});

test("an event survives JSON", () => {
  for (const { given } of table) assert.deepEqual(JSON.parse(JSON.stringify(given)), given);
});
