import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address, Domain } from "../../mail/address.ts";
import type { AcceptedEvent, TraceEvent } from "../../queue/events.ts";
import { idTime, newMessageId } from "../../queue/ids.ts";
import type { Job, PolicyName } from "../../queue/job.ts";
import { acceptSpan, attemptSpans, isSampled, rootSpanOf, traceIdOf } from "./spans.ts";

const octets = fc.uint8Array({ minLength: 10, maxLength: 10 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const at = 1_700_000_000_000;
const message = newMessageId(at, Buffer.from("0123456789"));
const address = (text: string) => text as Address;

test("a trace's id holds all of the message's id: 48 bits of time, 80 of chance", () => {
  fc.assert(
    fc.property(time, octets, (now, random) => {
      const id = newMessageId(now, random);
      const trace = traceIdOf(id);
      assert.equal(trace, now.toString(16).padStart(12, "0") + Buffer.from(random).toString("hex"));
      assert.equal(Number.parseInt(trace.slice(0, 12), 16), idTime(id));
    }),
  );
});

test("a share of the messages is traced, the same in every pod", () => {
  const traces = Array.from({ length: 2_000 }, () => traceIdOf(newMessageId(at)));
  const some = traces.filter((trace) => isSampled(trace, 0.25)).length;
  assert.ok(some > 350 && some < 650, `${some} of 2000`);
  assert.ok(traces.every((trace) => isSampled(trace, 1) && !isSampled(trace, 0)));
});

test("the acceptance: no addresses, only their domains", () => {
  const event: AcceptedEvent = {
    kind: "accepted",
    at,
    message,
    sender: "me@a.test" as AcceptedEvent["sender"],
    recipients: [address("x@b.test"), address("y@b.test"), address("z@c.test")],
    size: 512,
    client: "192.0.2.1",
    protocol: "ESMTPA",
    user: "me@a.test",
  };
  const span = acceptSpan(event, 12);
  assert.deepEqual([span.began, span.ended, span.id], [at - 12, at, rootSpanOf(traceIdOf(message))]);
  assert.equal(span.attributes["postfleet.domains"], "b.test c.test");
  assert.doesNotMatch(JSON.stringify(span), /@/);
});

const job = {
  message,
  group: 0,
  class: "relay",
  policy: "mail/default" as PolicyName,
  destination: "b.test" as Domain,
  queuedAt: at,
  attempts: 0,
  history: [],
} as unknown as Job;
const times = { began: at + 5, ended: at + 25, settled: at + 27 };
const ending = (kind: "delivered" | "failed" | "deferred", code: number) =>
  ({
    kind,
    at: at + 25,
    message,
    recipients: [address("x@b.test")],
    reply: { code, enhanced: "4.2.1", text: "for x@b.test" },
    remote: { name: "mx.b.test" },
    ...(kind === "delivered" ? { how: "final" } : { bounce: "mailboxDisabled", nextAttempt: at }),
  }) as unknown as TraceEvent;

test("an attempt hangs on the acceptance: what it waited for, what was tried, how it was written down", () => {
  let n = 0;
  const spans = attemptSpans(job, times, [ending("delivered", 250), ending("deferred", 450)], () => `${++n}`);
  assert.deepEqual(
    spans.map(({ name, began, ended }) => [name, began - at, ended - at]),
    [
      ["queue", 0, 5],
      ["attempt", 5, 25],
      ["settle", 25, 27],
    ],
  );
  for (const { trace, parent } of spans)
    assert.deepEqual([trace, parent], [traceIdOf(message), rootSpanOf(traceIdOf(message))]);
  assert.equal(spans[1]?.failed, "deferred: 450 4.2.1");
  assert.equal(spans[1]?.attributes["server.address"], "mx.b.test");
  assert.doesNotMatch(JSON.stringify(spans), /@/);
});

test("a delivery into a mailbox has its own name, and the second attempt waited since the first", () => {
  const again = { ...job, class: "local", attempts: 1, history: [{ at: at + 3 }] } as unknown as Job;
  const spans = attemptSpans(again, times, [ending("delivered", 250)], () => "1");
  assert.deepEqual(
    spans.map(({ name, began }) => [name, began - at]),
    [
      ["queue", 3],
      ["file", 5],
      ["settle", 25],
    ],
  );
  assert.equal(spans[1]?.failed, undefined);
});
