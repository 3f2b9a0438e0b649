import assert from "node:assert/strict";
import { test } from "node:test";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";
import { silent } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";

const resources: Resources = {
  domains: {
    "example.test": {
      aliases: { sales: ["alice@example.test", "x@far.example"], boss: ["alice@example.test"] },
    },
    "small.test": { limits: { messageSize: 200, recipients: 1, messagesPerMinute: 2 } },
  },
  mailboxes: {
    "alice@example.test": { passwordHash: "hash of secret" },
    "bob@example.test": { passwordHash: "hash of geheim" },
    "sleepy@example.test": { suspended: true, passwordHash: "hash of zzz" },
    "tiny@example.test": { quota: 100 },
    "dora@example.test": { forwardTo: ["dora@home.example"], keepCopy: true },
    "ann@small.test": {},
    "ben@small.test": {},
  },
  policies: {
    "default/default": {
      cidrs: ["10.0.0.0/8"],
      limits: {
        messageSize: 10_000,
        recipients: 5,
        messagesPerMinutePerClient: 3,
        messagesPerMinutePerUser: 2,
      },
    },
  },
};
const accepted = "250 2.0.0";

test("a stranger's message to a mailbox of ours becomes a job, with a trace header in front", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  assert.equal(
    await client.send("x@far.example", "alice@example.test", "Subject: hi\r\n", "\r\nhello\r\n"),
    accepted,
  );
  const [job, ...others] = await room.jobs();
  assert.equal(others.length, 0);
  assert.equal(job?.class, "local");
  assert.equal(job?.destination, "example.test");
  assert.deepEqual(job?.sender, { path: "x@far.example", body: "7BIT", smtputf8: false });
  assert.deepEqual(job?.recipients, [{ address: "alice@example.test" }]);
  assert.equal(job?.queuedAt, room.clock.now());
  const text = await room.text();
  assert.match(text, /^Received: from client\.example \(\[192\.0\.2\.1\]\)[\s\S]*for\s<alice@example\.test>/);
  assert.match(text, new RegExp(`\\sid\\s+${job?.message}\\s`));
  assert.ok(text.endsWith("+0000\r\nSubject: hi\r\n\r\nhello\r\n"), "the message's octets follow unaltered");
});

test("the reply names the queue's id, and whoever counts hears of it first", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  await client.mail("x@far.example", { size: 21 });
  await client.rcpt("alice@example.test");
  const sink = await client.open();
  assert.ok(typeof sink !== "string");
  sink.write(Buffer.from("Subject: hi\r\n\r\nhello\r\n"));
  const answer = await sink.end();
  const [job] = await room.jobs();
  assert.equal(answer.text, `queued as ${job?.message}`);
  assert.deepEqual(
    room.accepted.map(({ message, octets, jobs }) => [message, octets, jobs.length]),
    [[job?.message, 22, 1]],
  );
  assert.ok(job && !("size" in job.sender), "the announced size is not kept");
});

test("all jobs of a message are accepted together", async () => {
  using room = openRoom(resources);
  const client = await room.connect({ address: "10.1.1.1" });
  const to = ["alice@example.test", "bob@example.test", "a@far.example", "b@far.example", "c@near.example"];
  assert.equal(await client.send("app@intern.example", to), accepted);
  const jobs = await room.jobs();
  assert.deepEqual(
    jobs.map((job) => `${job.group} ${job.class} ${job.destination} ${job.recipients.length}`),
    ["0 local example.test 2", "1 relay far.example 2", "2 relay near.example 1"],
  );
  assert.equal(new Set(jobs.map(({ message }) => message)).size, 1);
  assert.doesNotMatch(await room.text(), /\sfor\s/, "recipients do not learn of each other");
});

const verdicts: readonly [name: string, from: string, to: string, want: string][] = [
  ["known", "x@far.example", "bob@example.test", "250"],
  ["plus-addressing", "x@far.example", "bob+shop@example.test", "250"],
  ["alias", "x@far.example", "sales@example.test", "250"],
  ["unknown", "x@far.example", "nobody@example.test", "550 5.1.1"],
  ["suspended", "x@far.example", "sleepy@example.test", "450 4.2.1"],
  ["relaying", "x@far.example", "y@far.example", "550 5.7.1"],
  ["postmaster", "", "postmaster@example.test", "250"],
  ["postmaster of any domain of ours", "", "postmaster@small.test", "250"],
  ["postmaster without a domain", "", "postmaster", "250"],
  ["Postmaster", "", "Postmaster", "250"],
];
for (const [name, from, to, want] of verdicts)
  test(`a stranger's recipient: ${name}`, async () => {
    using room = openRoom(resources);
    const client = await room.connect();
    await client.mail(from);
    assert.equal(await client.rcpt(to), want);
  });

test("postmaster without a domain is unknown while we have no domain", async () => {
  using room = openRoom({});
  const client = await room.connect();
  await client.mail("x@far.example");
  assert.equal(await client.rcpt("postmaster"), "550 5.1.1");
});

test("a full mailbox is told by the store's figures and the announced size", async () => {
  using room = openRoom(resources, { statusOf: async () => ({ bytes: 60, messages: 1 }) });
  const client = await room.connect();
  await client.mail("x@far.example", { size: 41 });
  assert.equal(await client.rcpt("tiny@example.test"), "452 4.2.2");
  client.session.reset();
  await client.mail("x@far.example", { size: 40 });
  assert.equal(await client.rcpt("tiny@example.test"), "250");
});

test("harvesting: after ten unknown names the connection ends, for strangers", async () => {
  using room = openRoom(resources);
  const stranger = await room.connect();
  const trusted = await room.connect({ address: "10.1.1.1" });
  for (const client of [stranger, trusted]) await client.mail("x@far.example");
  for (let i = 0; i < 10; i++) assert.equal(await stranger.rcpt(`u${i}@example.test`), "550 5.1.1");
  assert.equal(await stranger.rcpt("u11@example.test"), "421 4.7.0");
  for (let i = 0; i < 20; i++) assert.equal(await trusted.rcpt(`u${i}@example.test`), "550 5.1.1");
});

test("pregreet is for strangers at the front door", async () => {
  using room = openRoom(resources);
  assert.equal((await room.connect()).pregreetMs, 100);
  assert.equal((await room.connect({ address: "10.1.1.1" })).pregreetMs, 0);
  assert.equal((await room.connect({ listener: "submission" })).pregreetMs, 0);
});

test("the policy's limits are the session's", async () => {
  using room = openRoom(resources);
  const { session } = await room.connect();
  assert.equal(session.maxMessageSize, 10_000);
  assert.equal(session.maxRecipients, 5);
  assert.equal(session.lineEnds(), "Refuse");
});

test("refusals are told to the log, with what a person asks about them", async () => {
  const told: unknown[] = [];
  const log = { ...silent, info: (fields: unknown) => void told.push(fields) };
  using room = openRoom(resources, { log, statusOf: async () => ({ bytes: 1e6, messages: 1 }) });
  const client = await room.connect();
  await client.mail("x@far.example");
  for (const to of ["alice@example.test", "nobody@example.test", "tiny@example.test"]) await client.rcpt(to);
  const from = { client: "192.0.2.1", user: undefined, command: "RCPT", from: "x@far.example" };
  assert.deepEqual(told, [
    { ...from, rule: "known", address: "nobody@example.test", code: 550, enhanced: "5.1.1" },
    { ...from, rule: "full", address: "tiny@example.test", code: 452, enhanced: "4.2.2" },
  ]);
});

test("a changed directory is in force at once, on open connections too", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  await client.mail("x@far.example");
  assert.equal(await client.rcpt("new@example.test"), "550 5.1.1");
  room.live.set({ ...resources, mailboxes: { "new@example.test": {} }, policies: {} });
  assert.equal(await client.rcpt("new@example.test"), "250");
  assert.equal(client.session.maxRecipients, 1000);
});

test("a message that is too large: announced, for the domain, and after the dot", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  assert.equal(await client.mail("x@far.example", { size: 10_001 }), "552 5.3.4");
  assert.equal(await client.mail("x@far.example", { size: 201 }), "250");
  assert.equal(await client.rcpt("ann@small.test"), "552 5.3.4");
  client.session.reset();
  const lines = "Subject: x\r\n\r\n".padEnd(200, "y");
  assert.equal(
    await client.send("x@far.example", ["alice@example.test", "ann@small.test"], lines, "z"),
    "552 5.3.4",
  );
  assert.equal((await room.jobs()).length, 0);
  assert.equal(await client.send("x@far.example", ["alice@example.test", "ann@small.test"], lines), accepted);
  assert.equal(await client.send("x@far.example", "alice@example.test", "y".repeat(10_001)), "552 5.3.4");
});

test("too many recipients: of the policy, and of a domain", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  await client.mail("x@far.example");
  assert.equal(await client.rcpt("ann@small.test"), "250");
  assert.equal(await client.rcpt("ben@small.test"), "452 4.5.3");
  for (let i = 0; i < 4; i++) assert.equal(await client.rcpt("alice@example.test"), "250");
  assert.equal(await client.rcpt("alice@example.test"), "452 4.5.3");
  assert.equal(await client.data("hi\r\n"), accepted, "the accepted ones get the message");
  assert.equal((await room.jobs()).length, 2);
});

test("too many targets behind aliases", async () => {
  using room = openRoom(resources, { limits: { targets: 2 } });
  const client = await room.connect();
  await client.mail("x@far.example");
  assert.equal(await client.rcpt("sales@example.test"), "250");
  assert.equal(await client.rcpt("bob@example.test"), "452 4.5.3");
});

test("a message rate per client: networks apart, trusted clients free, told when to return", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  for (let i = 0; i < 3; i++)
    assert.equal(await client.send("x@far.example", "alice@example.test"), accepted);
  const refusal = await client.session.mail(
    { path: "", body: "7BIT", smtputf8: false },
    client.facts,
    new AbortController().signal,
  );
  assert.deepEqual(refusal, reply(450, "4.7.1", "Too many messages, try again in 20 seconds"));
  const neighbour = await room.connect({ address: "192.0.2.2" });
  assert.equal(await neighbour.mail("x@far.example"), "250");
  const trusted = await room.connect({ address: "10.1.1.1" });
  for (let i = 0; i < 9; i++)
    assert.equal(await trusted.send("x@far.example", "alice@example.test"), accepted);
  room.clock.advance(20_000);
  assert.equal(await client.send("x@far.example", "alice@example.test"), accepted);
});

test("a message rate holds for connections side by side, and refused messages are not counted", async () => {
  using room = openRoom(resources);
  const clients = await Promise.all(Array.from({ length: 5 }, () => room.connect()));
  for (const client of clients) {
    assert.equal(await client.mail("x@far.example"), "250");
    assert.equal(await client.rcpt("nobody@example.test"), "550 5.1.1");
    assert.equal(await client.rcpt("alice@example.test"), "250");
  }
  const answers = [];
  for (const client of clients) answers.push(await client.data("hi\r\n"));
  assert.deepEqual(answers, [accepted, accepted, accepted, "450 4.7.1", "450 4.7.1"]);
});

test("a message rate per domain counts mail from outside", async () => {
  using room = openRoom(resources);
  const trusted = await room.connect({ address: "10.1.1.1" });
  for (let i = 0; i < 5; i++) assert.equal(await trusted.send("a@far.example", "ann@small.test"), accepted);
  for (const n of [1, 2]) {
    const client = await room.connect({ address: `192.0.2.${n}` });
    assert.equal(await client.send("a@far.example", "ann@small.test"), accepted);
  }
  const late = await room.connect({ address: "192.0.2.9" });
  assert.equal(await late.send("a@far.example", "ann@small.test"), "450 4.7.1");
  assert.equal(await late.send("a@far.example", "alice@example.test"), accepted);
});

test("while the queue is closed nothing comes in: at MAIL, and at DATA", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  await client.mail("x@far.example");
  await client.rcpt("alice@example.test");
  room.queue.setAdmission({ open: false, reply: reply(452, "4.3.1", "full") });
  assert.equal(await client.data("hi\r\n"), "452 4.3.1");
  assert.equal(await client.mail("x@far.example"), "452 4.3.1");
  room.queue.setAdmission({ open: true });
  assert.equal(await client.send("x@far.example", "alice@example.test"), accepted);
});

test("DATA without recipients", async () => {
  using room = openRoom(resources);
  const client = await room.connect();
  assert.equal(await client.open(), "554 5.5.1");
  await client.mail("x@far.example");
  assert.equal(await client.open(), "554 5.5.1");
});
