import assert from "node:assert/strict";
import { test } from "node:test";
import { aDomain, aMailbox } from "../../../test/harness/declare.ts";
import { all, calm, mailbox, pieces } from "../../../test/harness/mailboxes.ts";
import { snapshot } from "../../directory/builder.ts";
import type { DomainEntry } from "../../directory/directory.ts";
import { systemClock } from "../../kit/clock.ts";
import { type Log, silent } from "../../kit/log.ts";
import type { Address, Domain, ReversePath } from "../../mail/address.ts";
import type { Recipient } from "../../mail/envelope.ts";
import type { Outcome, Outgoing } from "../../mail/outcome.ts";
import { MemoryMailboxStore } from "../../mailbox/memory.ts";
import { MemoryScripts } from "../../mailbox/scripts.ts";
import type { Job, JobKey, MessageId, PolicyName, Queued } from "../../queue/job.ts";
import { deliverLocally } from "../local.ts";
import { Filter } from "./filter.ts";

const alice = "alice@example.test" as Address;
const plain =
  "From: bob@far.example\r\nTo: alice@example.test\r\nSubject: hello\r\nMessage-ID: <m@far.example>\r\n\r\nHello.\r\n";

interface Setting {
  readonly sieve?: string;
  readonly text?: string;
  readonly from?: string;
  readonly recipient?: Partial<Recipient>;
  readonly message?: string;
  readonly hops?: number;
  readonly quota?: string;
  readonly log?: Log;
}

function open() {
  const store = new MemoryMailboxStore(systemClock);
  const time = { now: 1_000_000 };
  const scripts = new MemoryScripts(() => time.now);
  async function deliver(setting: Setting): Promise<Outcome> {
    const { sieve, text = plain, from = "bob@far.example", message = "01hzy0000000000000000000aa" } = setting;
    const { quota, log = silent, recipient = {}, hops } = setting;
    const spec = { ...(sieve === undefined ? {} : { sieve }), ...(quota === undefined ? {} : { quota }) };
    const directory = snapshot([aDomain("example.test"), aMailbox(alice, spec)]);
    const octets = Buffer.from(text);
    const job: Job = {
      message: message as MessageId,
      group: 0,
      class: "local",
      policy: "default/default" as PolicyName,
      destination: "example.test" as Domain,
      queuedAt: 1_000,
      sender: { path: from as ReversePath, body: "7BIT", smtputf8: false },
      origin: { client: "192.0.2.1", helo: "client.example", protocol: "ESMTP" },
      body: { kind: "inline", size: octets.length },
      recipients: [{ address: alice, ...recipient }],
      attempts: 0,
      nextAttempt: 1_000,
      history: [],
      ...(hops === undefined ? {} : { hops }),
    };
    const queued: Queued = { key: "k" as JobKey, revision: 1, job, inline: octets };
    const queue = { body: () => pieces(octets, 11), newId: () => "01hzy0000000000000000000bb" as MessageId };
    const filter = new Filter({ scripts, store, queue, hostname: "mx.example.test", log });
    const domain = directory.domain("example.test" as Domain) as DomainEntry;
    const parts = { queued, domain, directory, store, queue, filter, now: time.now, signal: calm };
    const [outcome] = await deliverLocally(parts);
    return outcome ?? assert.fail();
  }
  const places = async () => {
    const found: string[] = [];
    const status = await store.status(mailbox(alice));
    for (const { name } of status?.folders ?? [])
      for (const { flags } of await all(store.messages(mailbox(alice), name)))
        found.push([name, ...flags].join(" "));
    return found.sort();
  };
  return { store, scripts, time, deliver, places };
}

const sendsOf = (outcome: Outcome): readonly Outgoing[] =>
  outcome.kind === "delivered" ? (outcome.sends ?? []) : assert.fail(JSON.stringify(outcome));

const rows: readonly (readonly [sieve: string | undefined, places: readonly string[], text: RegExp])[] = [
  [undefined, ["INBOX"], /^Filed in INBOX as UID 1$/],
  ['require "fileinto"; fileinto "Archive/2026"; keep;', ["INBOX"], /^Filed in INBOX as UID 1$/],
  [
    'require ["fileinto", "mailbox", "imap4flags"]; fileinto :create :flags "\\\\Seen" "Archive/2026"; keep;',
    ["Archive/2026 \\Seen", "INBOX"],
    /^Filed in Archive\/2026 as UID 1 and in INBOX as UID \d+$/,
  ],
  ['require ["fileinto", "mailbox"]; fileinto :create "bad*name";', ["INBOX"], /^Filed in INBOX/],
  ["discard;", [], /^Not kept, as the mailbox's script says$/],
  ["kepp;", ["INBOX"], /^Filed in INBOX/],
  [
    'require ["fileinto", "mailbox"]; if size :under 1K { fileinto :create "Small"; }',
    ["Small"],
    /in Small as UID 1/,
  ],
];
for (const [sieve, places, text] of rows)
  test(`a resource's script: ${sieve}`, async () => {
    const world = open();
    const outcome = await world.deliver(sieve === undefined ? {} : { sieve });
    assert.equal(outcome.kind, "delivered");
    assert.match(outcome.reply.text, text);
    assert.deepEqual(await world.places(), places);
  });

test("a repeated delivery files nothing twice, whatever the script says now", async () => {
  const world = open();
  const sieve = 'require ["fileinto", "mailbox", "copy"]; fileinto :copy :create "Work";';
  await world.deliver({ sieve });
  const again = await world.deliver({ sieve });
  assert.equal(again.reply.text, "Filed by an earlier attempt");
  await world.deliver({});
  assert.deepEqual(await world.places(), ["INBOX", "Work"]);
});

test("the script that the user made active goes before the resource's", async () => {
  const world = open();
  const scripts = new Map([["mine", "discard;"]]);
  await world.scripts.replaceScripts(mailbox(alice), { scripts, active: "mine" }, 0);
  await world.deliver({ sieve: "keep;" });
  assert.deepEqual(await world.places(), []);
});

test("a script sees so much of a message, and no more", async () => {
  const line = `X-Filler: ${"x".repeat(890)}\r\n`;
  const needle = "Needle: here\r\n";
  const inHeader = (octets: number) => `${line.repeat(Math.ceil(octets / line.length))}${needle}${plain}`;
  const inBody = (octets: number) =>
    `${plain}${"y"
      .repeat(78)
      .concat("\r\n")
      .repeat(octets / 80)}${needle}`;
  const seen = async (test: string, text: string) => {
    const world = open();
    await world.deliver({
      sieve: `require ["fileinto", "mailbox", "body"]; if ${test} { fileinto :create "Found"; }`,
      text,
    });
    return (await world.places()).join();
  };
  const header = 'exists "Needle"';
  assert.equal(await seen(header, inHeader(200 << 10)), "Found");
  assert.equal(await seen(header, inHeader(257 << 10)), "INBOX");
  const raw = 'body :raw :contains "Needle"';
  assert.equal(await seen(raw, inBody(1_000_000)), "Found");
  assert.equal(await seen(raw, inBody(1_100_000)), "INBOX");
});

test("a script that fails keeps the message, and the log says why", async () => {
  const told: object[] = [];
  const log = { ...silent, warn: (fields: object) => void told.push(fields) };
  const world = open();
  await world.deliver({ sieve: "keep;\nkepp;", log });
  assert.deepEqual(told, [
    { mailbox: alice, message: "01hzy0000000000000000000aa", why: "line 2: there is no command kepp" },
  ]);
});

test("reject ends as a refusal of which the sender is told", async () => {
  const outcome = await open().deliver({
    sieve: 'require "reject"; reject text:\nNot here.\nElsewhere.\n.\n;',
  });
  assert.equal(outcome.kind, "failed");
  assert.deepEqual(
    [outcome.reply.code, outcome.reply.enhanced, outcome.reply.text],
    [550, "5.7.1", "Not here. Elsewhere."],
  );
});

test("a full mailbox defers before anything is sent", async () => {
  const outcome = await open().deliver({ sieve: 'redirect "x@far.example"; keep;', quota: "10" });
  assert.equal(outcome.kind, "deferred");
});

test("redirect: one message for all addresses, marked, kept when it comes back or has gone too far", async () => {
  const sieve = 'redirect "x@far.example"; redirect "y@far.example";';
  const world = open();
  const prefix = "Delivered-To: alice@example.test\r\n";
  const copies = [{ kind: "copy", by: alice, to: ["x@far.example", "y@far.example"], prefix }];
  assert.deepEqual(sendsOf(await world.deliver({ sieve })), copies);
  assert.deepEqual(await world.places(), []);
  assert.deepEqual(sendsOf(await world.deliver({ sieve, text: prefix + plain })), []);
  assert.deepEqual(await world.places(), ["INBOX"]);
  assert.deepEqual(
    sendsOf(await world.deliver({ sieve, hops: 10, message: "01hzy0000000000000000000ab" })),
    [],
  );
  assert.deepEqual(await world.places(), ["INBOX", "INBOX"]);
});

test("junk runs no script", async () => {
  const world = open();
  const outcome = await world.deliver({ sieve: 'redirect "x@far.example";', recipient: { junk: true } });
  assert.deepEqual(sendsOf(outcome), []);
  assert.deepEqual(await world.places(), ["Junk"]);
});

const away =
  'require "vacation"; vacation :days 2 :subject "Gr\u00fc\u00dfe" :addresses "a.liddell@example.test" "I am away.";';

test("vacation answers each sender once in its days, again for the same message only", async () => {
  const world = open();
  const answers = async (setting: Setting = {}) =>
    sendsOf(await world.deliver({ sieve: away, ...setting })).length;
  assert.equal(await answers(), 1);
  assert.equal(await answers(), 1, "the same message, whose first attempt was not settled");
  const other = "01hzy0000000000000000000ac";
  assert.equal(await answers({ message: other }), 0);
  assert.equal(await answers({ message: other, from: "carol@far.example" }), 1);
  world.time.now += 2 * 86_400_000;
  assert.equal(await answers({ message: other }), 1);
});

test("an answer says what it is", async () => {
  const [sent] = sendsOf(await open().deliver({ sieve: away }));
  assert.ok(sent?.kind === "message");
  assert.deepEqual(sent.to, ["bob@far.example"]);
  assert.equal(
    Buffer.from(sent.octets).toString(),
    [
      "From: alice@example.test",
      "To: bob@far.example",
      "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
      "Date: Thu, 01 Jan 1970 00:16:40 +0000",
      "Message-ID: <01hzy0000000000000000000bb@mx.example.test>",
      "In-Reply-To: <m@far.example>",
      "References: <m@far.example>",
      "Auto-Submitted: auto-replied (vacation)",
      "X-Auto-Response-Suppress: All",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
      "",
      "SSBhbSBhd2F5Lg0K",
      "",
    ].join("\r\n"),
  );
});

const silence: readonly (readonly [what: string, setting: Setting])[] = [
  ["a null sender", { from: "" }],
  ["the mailer daemon", { from: "MAILER-DAEMON@far.example" }],
  ["a list's owner", { from: "owner-dev@far.example" }],
  ["a mailing list", { text: `List-Id: <dev>\r\n${plain}` }],
  ["bulk mail", { text: `Precedence: bulk\r\n${plain}` }],
  ["an automatic message", { text: `Auto-Submitted: auto-generated\r\n${plain}` }],
  ["oneself", { from: alice }],
  [
    "who did not write to this address",
    { text: plain.replace("To: alice@example.test", "To: list@far.example") },
  ],
];
for (const [what, setting] of silence)
  test(`vacation does not answer ${what}`, async () =>
    assert.deepEqual(sendsOf(await open().deliver({ sieve: away, ...setting })), []));

test("vacation answers what was sent to a further address, and what says that it is not automatic", async () => {
  const text = `Auto-Submitted: no\r\n${plain.replace("To: alice@example.test", "Cc: A <A.Liddell@example.test>")}`;
  assert.equal(sendsOf(await open().deliver({ sieve: away, text })).length, 1);
});
