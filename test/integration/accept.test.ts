/**
 * The SMTP engine and the mailroom together, a client on one side and a queue in memory on the other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRoom, type Room } from "../harness/accept.ts";
import type { Resources } from "../harness/directory.ts";
import { converse, Talk } from "../harness/smtp-session.ts";

const resources: Resources = {
  domains: {
    "example.test": { aliases: { sales: ["alice@example.test", "x@far.example"] } },
    "small.test": { limits: { messageSize: 100 } },
  },
  mailboxes: {
    "alice@example.test": { passwordHash: "hash of secret" },
    "sleepy@example.test": { suspended: true },
    "ann@small.test": {},
  },
  policies: {
    "default/default": { limits: { messageSize: 20_000, recipients: 100, greetingDelayMilliseconds: 0 } },
  },
};

const scripts: readonly {
  name: string;
  script: readonly string[];
  jobs: number;
  with?: (room: Room) => object;
}[] = [
  {
    name: "recipients of every kind, and a message for those who were welcome",
    script: [
      "C: EHLO client.example",
      "S: 250",
      "C: MAIL FROM:<x@far.example>",
      "S: 250 2.1.0",
      "C: RCPT TO:<nobody@example.test>",
      "S: 550 5.1.1",
      "C: RCPT TO:<sleepy@example.test>",
      "S: 450 4.2.1",
      "C: RCPT TO:<y@far.example>",
      "S: 550 5.7.1",
      "C: RCPT TO:<Postmaster>",
      "S: 250 2.1.5",
      "C: RCPT TO:<sales+spring@EXAMPLE.test> NOTIFY=SUCCESS,FAILURE",
      "S: 250 2.1.5",
      "C: DATA",
      "S: 354",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 2.0.0 queued as ",
      "C: QUIT",
      "S: 221",
    ],
    jobs: 2,
  },
  {
    name: "nobody was welcome: no DATA",
    script: [
      "C: EHLO client.example",
      "S: 250",
      "C: MAIL FROM:<>",
      "S: 250",
      "C: RCPT TO:<nobody@example.test>",
      "S: 550 5.1.1",
      "C: DATA",
      "S: 554 5.5.1",
    ],
    jobs: 0,
  },
  {
    name: "submission without a login",
    with: () => ({ listener: "submission" }),
    script: ["C: EHLO client.example", "S: 250", "C: MAIL FROM:<alice@example.test>", "S: 530 5.7.0"],
    jobs: 0,
  },
  {
    name: "submission with one: own address, any recipient",
    with: () => ({ listener: "submissions", tls: { protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" } }),
    script: [
      "C: EHLO client.example",
      "S: 250",
      `C: AUTH PLAIN ${Buffer.from("\0Alice@Example.test\0secret").toString("base64")}`,
      "S: 235",
      "C: MAIL FROM:<boss@example.test>",
      "S: 550 5.7.1",
      "C: MAIL FROM:<alice@example.test>",
      "S: 250",
      "C: RCPT TO:<y@far.example>",
      "S: 250",
      "C: DATA",
      "S: 354",
      "C: Subject: hi",
      "C: ",
      "C: .",
      "S: 250 2.0.0 queued as ",
    ],
    jobs: 1,
  },
  {
    name: "a domain's own limit, after the dot; the session goes on",
    script: [
      "C: EHLO client.example",
      "S: 250",
      "C: MAIL FROM:<x@far.example> SIZE=101",
      "S: 250",
      "C: RCPT TO:<ann@small.test>",
      "S: 552 5.3.4",
      "C: RSET",
      "S: 250",
      "C: MAIL FROM:<x@far.example>",
      "S: 250",
      "C: RCPT TO:<ann@small.test>",
      "S: 250",
      "C: DATA",
      "S: 354",
      `C: Subject: ${"x".repeat(100)}`,
      "C: .",
      "S: 552 5.3.4",
      "C: MAIL FROM:<x@far.example> SIZE=20001",
      "S: 552 5.3.4",
      "C: NOOP",
      "S: 250",
    ],
    jobs: 0,
  },
];

for (const { name, script, jobs, with: options } of scripts)
  test(name, async () => {
    using room = openRoom(resources);
    await converse(script, { mailroom: room.mailroom, ...options?.(room) });
    assert.equal((await room.jobs()).length, jobs);
  });

test("a harvester hears 421 and is gone", async () => {
  using room = openRoom(resources);
  const talk = new Talk({ mailroom: room.mailroom });
  await talk.heard();
  await talk.ask("EHLO client.example");
  await talk.ask("MAIL FROM:<x@far.example>");
  for (let i = 0; i < 10; i++) assert.match(await talk.ask(`RCPT TO:<u${i}@example.test>`), /^550 5\.1\.1/);
  assert.match(await talk.ask("RCPT TO:<alice1@example.test>"), /^421 4\.7\.0/);
  assert.equal(talk.socket.ended, true);
});

test("a pipelined transaction is answered in two writes: up to DATA, and after the dot", async () => {
  using room = openRoom(resources);
  const talk = new Talk({ mailroom: room.mailroom });
  await talk.heard();
  await talk.ask("EHLO client.example");
  const writes = talk.socket.writes;
  talk.send("MAIL FROM:<x@far.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n");
  assert.equal(talk.socket.writes, writes + 1, "answered at once: no turn of the event loop was lost");
  assert.match(await talk.heard(), /^250 2\.1\.0 .*\r\n250 2\.1\.5 .*\r\n354 .*\r\n$/);
  talk.send("Subject: hi\r\n\r\nhello\r\n.\r\n");
  assert.match(await talk.heard(), /^250 2\.0\.0 queued as [0-9a-z]{26}\r\n$/);
  assert.equal(talk.socket.writes, writes + 2);
});

test("a client that is gone within DATA leaves nothing behind", async () => {
  using room = openRoom(resources);
  const talk = new Talk({ mailroom: room.mailroom });
  await talk.heard();
  for (const line of [
    "EHLO c.example",
    "MAIL FROM:<>",
    "RCPT TO:<alice@example.test>",
    "DATA",
    "Subject: hi",
  ])
    talk.send(`${line}\r\n`);
  await talk.heard();
  talk.socket.destroy();
  await talk.heard();
  assert.equal((await room.jobs()).length, 0);
  assert.equal(room.accepted.length, 0);
});
