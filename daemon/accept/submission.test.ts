import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, openRoom, type Room } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";

const resources: Resources = {
  domains: { "example.test": { policy: "default/users", aliases: { sales: ["bob@example.test"] } } },
  mailboxes: {
    "alice@example.test": { passwordHash: "hash of secret", aliases: ["al@example.test"] },
    "bob@example.test": {},
    "sleepy@example.test": { suspended: true, passwordHash: "hash of zzz" },
  },
  policies: {
    "default/default": { cidrs: ["10.0.0.0/8"] },
    "default/users": { lineEnds: "Normalize", limits: { messagesPerMinutePerUser: 2 } },
  },
};
const accepted = "250 2.0.0";
const submission = { listener: "submissions", tls: true } as const;

async function loggedIn(room: Room): Promise<Client> {
  const client = await room.connect(submission);
  assert.equal(await client.login("alice@example.test", "secret"), "235");
  return client;
}

test("a login before STARTTLS is forgotten with the next EHLO", async () => {
  using room = openRoom(resources, { laptop: true });
  const client = await room.connect({ listener: "submission", address: "127.0.0.1" });
  assert.equal(await client.login("alice@example.test", "secret"), "235");
  await client.session.helo?.(client.facts);
  assert.equal(await client.mail("alice@example.test"), "250", "EHLO alone changes nothing");
  client.session.reset();
  const { user: _, ...origin } = client.facts.origin;
  client.facts = { ...client.facts, origin };
  await client.session.helo?.(client.facts);
  assert.equal(await client.mail("alice@example.test"), "530 5.7.0");
});

test("submission wants a login before anything else", async () => {
  using room = openRoom(resources);
  const client = await room.connect(submission);
  assert.equal(await client.mail("alice@example.test"), "530 5.7.0");
  const trusted = await room.connect({ ...submission, address: "10.1.1.1" });
  assert.equal(await trusted.send("app@intern.example", "x@far.example"), accepted);
});

test("AUTH is offered on submission listeners, and only where nobody listens in", async () => {
  using server = openRoom(resources);
  using laptop = openRoom(resources, { laptop: true });
  const offered = async (room: Room, over: Parameters<Room["connect"]>[0]) => {
    const client = await room.connect(over);
    return client.session.mechanisms(client.facts).join(" ");
  };
  assert.equal(await offered(server, submission), "PLAIN LOGIN");
  assert.equal(await offered(server, { listener: "submission" }), "");
  assert.equal(await offered(server, { listener: "submission", address: "127.0.0.1" }), "");
  assert.equal(await offered(laptop, { listener: "submission", address: "127.0.0.1" }), "PLAIN LOGIN");
  assert.equal(await offered(laptop, { listener: "submission", address: "::1" }), "PLAIN LOGIN");
  assert.equal(await offered(laptop, { listener: "submission" }), "");
  assert.equal(await offered(laptop, { listener: "smtp", address: "127.0.0.1", tls: true }), "");
});

test("a user relays under the policy of the mailbox's domain", async () => {
  using room = openRoom(resources);
  const client = await loggedIn(room);
  assert.equal(client.session.lineEnds(), "Normalize");
  assert.equal(await client.send("alice@example.test", "x@far.example"), accepted);
  const [job] = await room.jobs();
  assert.equal(job?.policy, "default/users");
  assert.equal(job?.origin.user, "alice@example.test");
});

const senders = [
  ["ALICE+news@example.test", "250"],
  ["al@example.test", "250"],
  ["", "250"],
  ["bob@example.test", "550 5.7.1"],
  ["sales@example.test", "550 5.7.1"],
  ["alice@far.example", "550 5.7.1"],
] as const;
for (const [from, want] of senders)
  test(`a user sends as <${from}>: ${want}`, async () => {
    using room = openRoom(resources);
    const client = await loggedIn(room);
    assert.equal(await client.mail(from), want);
  });

test("a user who is suspended while logged in may not go on", async () => {
  using room = openRoom(resources);
  const client = await loggedIn(room);
  room.live.set({ ...resources, mailboxes: { "alice@example.test": { suspended: true } } });
  assert.equal(await client.mail("alice@example.test"), "550 5.7.1");
});

test("a message rate per user, over all connections", async () => {
  using room = openRoom(resources);
  for (let i = 0; i < 2; i++)
    assert.equal(await (await loggedIn(room)).send("alice@example.test", "x@far.example"), accepted);
  assert.equal(await (await loggedIn(room)).mail("alice@example.test"), "450 4.7.1");
});

test("wrong logins: three on a connection end it, a suspended account is told only to its owner", async () => {
  using room = openRoom(resources);
  const client = await room.connect(submission);
  assert.equal(await client.login("sleepy@example.test", "guess"), "535 5.7.8");
  assert.equal(await client.login("sleepy@example.test", "zzz"), "525 5.7.13");
  assert.equal(await client.login("nobody@example.test", "guess"), "535 5.7.8");
  const third = client.login("alice@example.test", "guess");
  room.clock.advance(60_000);
  assert.equal(await third, "421 4.7.0");
});

test("a password that cannot be checked is a fault of ours", async () => {
  using room = openRoom(resources, { verify: () => Promise.reject(new Error("no memory")) });
  const client = await room.connect(submission);
  assert.equal(await client.login("alice@example.test", "secret"), "454 4.7.0");
});

const fields = [
  {
    name: "a submitted message gets the fields that it lacks",
    parts: ["Subject: hi\r\n", "To: x\r\n\r\nhello\r\n"],
    want: /\+0000\r\nDate: .* \+0000\r\nMessage-ID: <\w+@mx\.example\.test>\r\nSubject: hi\r\nTo: x\r\n\r\nhello\r\n$/,
  },
  {
    name: "what is there stays alone",
    parts: ["Date: today\r\n", "Mess", "age-ID: <a@b>\r\n\r\nhello\r\n"],
    want: /\+0000\r\nDate: today\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n$/,
  },
  {
    name: "only what is missing is added",
    parts: ["Date: today\r\n\r\nhello\r\n"],
    want: /\+0000\r\nMessage-ID: <\w+@mx\.example\.test>\r\nDate: today\r\n\r\nhello\r\n$/,
  },
  {
    name: "a message that is nothing but its header section",
    parts: ["Date: today\r\n"],
    want: /\+0000\r\nMessage-ID: <\w+@mx\.example\.test>\r\nDate: today\r\n$/,
  },
  {
    name: "an empty message",
    parts: [],
    want: /\+0000\r\nDate: .*\r\nMessage-ID: <\w+@mx\.example\.test>\r\n$/,
  },
  {
    name: "Bcc does not travel, wherever it is cut, and what is meant for us neither",
    parts: [
      "Date: today\r\nBcc: secret@far.example,\r\n\tother@far.exam",
      "ple\r\nMessage-ID: <a@b>\r\nX-Postfleet-Sent-Copy: no\r\nBCC : third@far.example\r\n\r\nBcc: body\r\n",
    ],
    want: /\+0000\r\nDate: today\r\nMessage-ID: <a@b>\r\n\r\nBcc: body\r\n$/,
  },
];
for (const { name, parts, want } of fields)
  test(name, async () => {
    using room = openRoom(resources);
    const client = await loggedIn(room);
    await client.mail("alice@example.test");
    await client.rcpt("bob@example.test");
    assert.equal(await client.data(...parts), accepted);
    assert.match(await room.text(), want);
  });

test("a header section beyond measure is refused", async () => {
  using room = openRoom(resources);
  const client = await loggedIn(room);
  await client.mail("alice@example.test");
  await client.rcpt("bob@example.test");
  assert.equal(await client.data(`X: ${"y".repeat(70_000)}\r\n`, "\r\nhello\r\n"), "552 5.3.4");
});

const authors = [
  ["From: Alice <alice@example.test>", accepted],
  ["From: al@example.test, Alice\r\n <ALICE+x@example.test>", accepted],
  ["From: list: alice@example.test;", accepted],
  ["Subject: nobody", accepted],
  ["From: bob@example.test", "550 5.7.1"],
  ["From: alice@example.test, bob@example.test", "550 5.7.1"],
  ["From: alice@example.test\r\nFROM: bob@example.test", "550 5.7.1"],
  ['From: "alice@example.test" <bob@example.test>', "550 5.7.1"],
  [`From: ${"alice@example.test, ".repeat(200)}bob@example.test`, "550 5.7.1"],
  [`From: alice@example.test${"(c)".repeat(4_000)}, bob@example.test`, "550 5.7.1"],
  ["From: Alice", "550 5.7.1"],
  ["From: boss", "550 5.7.1"],
] as const;
for (const [field, want] of authors)
  test(`${JSON.stringify(field).slice(0, 80)} from Alice: ${want}`, async () => {
    using room = openRoom(resources);
    const client = await loggedIn(room);
    assert.equal(await client.send("alice@example.test", "x@far.example", `${field}\r\n\r\nhello\r\n`), want);
  });

test("results that a user claims to have from us are taken out, as a stranger's are", async () => {
  using room = openRoom(resources);
  const client = await loggedIn(room);
  const forged = "Authentication-Results: mx.example.test; dmarc=pass\r\n";
  const honest = "Authentication-Results: mx.far.example; spf=pass\r\n";
  const text = `From: alice@example.test\r\n\r\nhello\r\n`;
  assert.equal(await client.send("alice@example.test", "bob@example.test", forged + honest + text), accepted);
  assert.doesNotMatch(await room.text(), /dmarc=pass/);
  assert.match(await room.text(), /spf=pass/);
});

const copies = [
  ["the header asks", false, "X-Postfleet-Sent-Copy: yes\r\n", true],
  ["the resource asks", true, "", true],
  ["the header declines", true, "X-Postfleet-Sent-Copy: no\r\n", false],
  ["nobody asks", false, "", false],
] as const;
for (const [what, sentCopy, field, want] of copies)
  test(`a copy for Sent: ${what}`, async () => {
    using room = openRoom({
      ...resources,
      mailboxes: { "alice@example.test": { passwordHash: "hash of secret", sentCopy } },
    });
    const client = await loggedIn(room);
    const text = `${field}Bcc: x@far.example,\r\n y@far.example\r\n\r\nhello\r\n`;
    assert.equal(await client.send("alice@example.test", "x@far.example", text), accepted);
    const jobs = await room.jobs();
    assert.deepEqual(
      jobs.flatMap(({ recipients }) => recipients).slice(1),
      want
        ? [
            {
              address: "alice@example.test",
              notify: "never",
              sent: { bcc: "Bcc: x@far.example,\r\n y@far.example\r\n" },
            },
          ]
        : [],
    );
    assert.equal(jobs[1]?.class, want ? "local" : undefined);
    assert.doesNotMatch(await room.text(), /Bcc|Sent-Copy/);
  });

test("nothing is added for clients that are trusted by address, or for strangers", async () => {
  using room = openRoom(resources);
  const trusted = await room.connect({ ...submission, address: "10.1.1.1" });
  assert.equal(
    await trusted.send("a@b.example", "bob@example.test", "Subject: hi\r\n\r\nhello\r\n"),
    accepted,
  );
  assert.match(await room.text(), /\+0000\r\nSubject: hi\r\n\r\nhello\r\n$/);
});
