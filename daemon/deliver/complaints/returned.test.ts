/** Bounces that come back later: which are read, and which count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aPolicy } from "../../../test/harness/declare.ts";
import { deliveryReport, type ReturnedGiven } from "../../../test/harness/delivery-report.ts";
import { job as aJob, sender } from "../../../test/harness/settling.ts";
import { snapshot } from "../../directory/builder.ts";
import { silent } from "../../kit/log.ts";
import type { Address, Domain } from "../../mail/address.ts";
import { feedbackId } from "../../mail/feedback-id.ts";
import { reply } from "../../mail/reply.ts";
import { newMessageId } from "../../queue/ids.ts";
import type { JobKey, Queued } from "../../queue/job.ts";
import { Feedback } from "../sign/feedback.ts";
import type { SuppressionRecord } from "../suppression/list.ts";
import { readBounce } from "./bounce.ts";
import { Returned } from "./returned.ts";

const now = Date.UTC(2026, 10, 29, 12);
const day = 86_400_000;
const key = Buffer.alloc(32, 1);
const message = newMessageId(now - day);
const bob = "bob@far.example" as Address;
const token = feedbackId({ message, recipient: bob }, key);
/** Another first octet than the true one, whichever that is. */
const forged = `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}`;
const original = (given = token) => `Subject: x\r\nCFBL-Feedback-ID:\r\n ${given}\r\n\r\nhello\r\n`;
const report = (over: Partial<ReturnedGiven> = {}) => deliveryReport({ original: original(), ...over });

const said: readonly (readonly [string, Partial<ReturnedGiven>, ReturnType<typeof reply>])[] = [
  ["with the reply of a server", {}, reply(550, "5.1.1", "User unknown")],
  ["with a status alone", { diagnostic: undefined }, reply(550, "5.1.1", "")],
  [
    "with words of a gateway",
    { diagnostic: "x-other; gone fishing" },
    reply(550, "5.1.1", "x-other; gone fishing"),
  ],
  [
    "with a reply without an enhanced code",
    { diagnostic: "smtp; 554 delivery error: no such account", status: "5.0.0" },
    reply(554, "5.0.0", "delivery error: no such account"),
  ],
  [
    "whose reply is folded",
    { diagnostic: "smtp; 550-5.2.1 The account\r\n    is disabled" },
    reply(550, "5.2.1", "The account    is disabled"),
  ],
];
for (const [name, over, want] of said)
  test(`a bounce is read ${name}`, () =>
    assert.deepEqual(readBounce(Buffer.from(report(over))), { token, reply: want }));

const others: readonly (readonly [string, string])[] = [
  ["a delay", report({ action: "delayed", status: "4.4.1" })],
  ["a receipt", report({ action: "relayed", status: "2.0.0" })],
  ["a failure for now, it says", report({ status: "4.2.2" })],
  [
    "a report of two recipients",
    report({ more: "Final-Recipient: rfc822; x@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" }),
  ],
  ["no token", deliveryReport({ original: "Subject: x\r\n\r\n" })],
  ["another type", report({ reportType: "feedback-report" })],
  ["a letter", "Subject: hello\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"],
];
for (const [name, text] of others)
  test(`no bounce that counts: ${name}`, () => assert.equal(readBounce(Buffer.from(text)), undefined));

const hardBounces = { after: 1, for: "30d", classes: ["mailbox-unknown"] } as const;
const directory = snapshot([aDomain("home.example"), aPolicy({ suppression: { hardBounces } })]);

async function came(
  text: string,
  path: Address | "" = "",
  given = directory,
): Promise<readonly SuppressionRecord[]> {
  const records: SuppressionRecord[] = [];
  const looker = new Returned({
    list: { find: () => undefined, put: (_, record) => records.push(record) },
    queue: {
      body: async function* () {
        yield Buffer.from(text);
      },
    },
    keys: () => [key],
    tell: async () => {},
    log: silent,
  });
  const job = aJob({ class: "local", destination: "home.example" as Domain, sender: sender({ path }) });
  const queued: Queued = { key: "k" as JobKey, revision: 1, job };
  await looker.look(queued, given, now, AbortSignal.timeout(120_000));
  return records;
}

test("a bounce that proves its message counts like the refusal of a next hop, whomever it names", async () => {
  assert.deepEqual(await came(report()), [
    {
      address: bob,
      by: "bounce",
      bounce: "mailbox-unknown",
      at: now,
      until: now + 30 * day,
      text: "550 5.1.1 User unknown",
      message,
    },
  ]);
});

test("it counts for nothing with another class, an old or made-up token, a sender, or without such a rule", async () => {
  const old = feedbackId({ message: newMessageId(now - 61 * day), recipient: bob }, key);
  for (const text of [
    report({ diagnostic: "smtp; 550 5.7.1 spam", status: "5.7.1" }),
    report({ original: original(old) }),
    report({ original: original(forged) }),
  ])
    assert.deepEqual(await came(text), []);
  assert.deepEqual(await came(report(), "eve@evil.example" as Address), []);
  assert.deepEqual(await came(report(), "", snapshot([aDomain("home.example"), aPolicy({})])), []);
});

test("where only another policy of the namespace has the rule, that one holds", async () => {
  const bulk = snapshot([
    aDomain("home.example"),
    aPolicy({}),
    aPolicy({ suppression: { hardBounces } }, { name: "bulk" }),
  ]);
  assert.equal((await came(report(), "", bulk)).length, 1);
  const neighbours = snapshot([
    aDomain("home.example"),
    aPolicy({}),
    aPolicy({ suppression: { hardBounces } }, { namespace: "other" }),
  ]);
  assert.deepEqual(await came(report(), "", neighbours), []);
});

test("a message bears a token for bounces alone, too", () => {
  const feedback = new Feedback({ directory: { current: () => directory }, keys: () => [key] });
  const trusted = { client: "192.0.2.1", helo: "c", protocol: "ESMTPSA", trusted: true } as const;
  const fields = feedback.fields(aJob({ message, origin: trusted, recipients: [{ address: bob }] }));
  assert.equal(fields, `CFBL-Feedback-ID:\r\n ${token}\r\n`);
});
