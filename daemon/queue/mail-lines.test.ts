import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import type { Address } from "../mail/address.ts";
import type { TraceEvent } from "./events.ts";
import { newMessageId } from "./ids.ts";
import type { PolicyName } from "./job.ts";
import { MailLines } from "./mail-lines.ts";

const at = 1_700_000_000_000;
const message = newMessageId(at);
const policy = "mail/default" as PolicyName;
const bob = "bob@b.test" as Address;
const reply = { code: 451, enhanced: "4.7.1", text: `Later\r\n${"x".repeat(400)}` };
const remote = { name: "mx.b.test", address: "192.0.2.5" };
const end = { at, message, group: 1, recipients: [bob], reply, remote, ms: 12.6 };

function told(event: TraceEvent, attempts?: number) {
  const book = logBook();
  using lines = new MailLines(book, new FakeClock());
  lines.tell(event, attempts === undefined ? { policy } : { policy, attempts });
  const [entry] = book.entries;
  assert.ok(entry);
  return { ...entry, fields: JSON.parse(JSON.stringify(entry.fields)) as Record<string, unknown> };
}

test("an acceptance: who sent what to whom, and no more addresses than a person reads", () => {
  const recipients = Array.from({ length: 8 }, (_, n) => `r${n}@b.test` as Address);
  const { level, sentence, fields } = told({
    kind: "accepted",
    at,
    message,
    sender: "me@a.test" as Address,
    recipients,
    size: 512,
    client: "192.0.2.1",
    protocol: "ESMTPSA",
    user: "me@a.test",
  });
  assert.deepEqual([level, sentence], ["info", "a message was accepted"]);
  assert.deepEqual(fields, {
    message,
    policy,
    sender: "me@a.test",
    recipients: recipients.slice(0, 5),
    more: 3,
    size: 512,
    client: "192.0.2.1",
    protocol: "ESMTPSA",
    user: "me@a.test",
  });
});

test("a deferral: by whom, why, which try, and when again; an answer is cut and stays in its line", () => {
  const { fields } = told({ ...end, kind: "deferred", bounce: "policy", nextAttempt: at + 60_000 }, 2);
  const { text, ...rest } = fields;
  assert.deepEqual(rest, {
    message,
    job: 1,
    policy,
    recipients: [bob],
    host: "mx.b.test",
    address: "192.0.2.5",
    code: 451,
    enhanced: "4.7.1",
    class: "policy",
    attempt: 3,
    ms: 13,
    next: new Date(at + 60_000).toISOString(),
  });
  assert.ok(String(text).length <= 301 && !/[\r\n]/.test(String(text)));
});

const levels = [
  [{ ...end, kind: "delivered", how: "passedOn" }, "info", "a message was delivered"],
  [{ ...end, kind: "failed", bounce: "mailbox-unknown" }, "info", "a delivery failed"],
  [{ ...end, kind: "expired" }, "info", "a message expired"],
  [{ at, message, kind: "dropped", reason: "no way" }, "warn", "nobody could be told of a failure"],
  [{ at, message, group: 0, kind: "held" }, "info", "a job was held by an operator"],
] as const;
for (const [event, level, sentence] of levels)
  test(`${event.kind} is told as ${level}`, () => {
    const entry = told(event as TraceEvent);
    assert.deepEqual([entry.level, entry.sentence, entry.fields["message"]], [level, sentence, message]);
  });

test("a dead site's thousands of deferrals are some lines and a number; every end is told", () => {
  const book = logBook();
  const lines = new MailLines(book, new FakeClock());
  for (let n = 0; n < 5_000; n++) {
    lines.tell({ ...end, kind: "deferred", bounce: "network", nextAttempt: at }, { policy });
    if (n % 10 === 0) lines.tell({ ...end, kind: "failed", bounce: "mailbox-unknown" }, { policy });
  }
  lines[Symbol.dispose]();
  const count = (sentence: string) => book.entries.filter((entry) => entry.sentence === sentence).length;
  assert.deepEqual([count("a delivery was deferred"), count("a delivery failed")], [100, 500]);
  assert.equal(book.entries.at(-1)?.fields["untold"], 4_900);
});
