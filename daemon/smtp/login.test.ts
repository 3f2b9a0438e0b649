import assert from "node:assert/strict";
import { test } from "node:test";
import { converse, plays, recorder, Talk, type TalkOptions } from "../../test/harness/smtp-session.ts";
import type { Log } from "../kit/log.ts";

const tls = { protocol: "TLSv1.3", cipher: "TEST" };
const b64 = (text: string) => Buffer.from(text).toString("base64");
const hello = ["C: EHLO c.example", "S: 250"];
const mail = "C: MAIL FROM:<a@x.example>";

const conversations: readonly { name: string; script: readonly string[]; options?: TalkOptions }[] = [
  {
    name: "AUTH PLAIN at once",
    script: [`C: AUTH PLAIN ${b64("\0Bob\0secret")}`, "S: 235 2.7.0", "C: AUTH PLAIN", "S: 503 5.5.1"],
  },
  {
    name: "AUTH PLAIN in two steps",
    script: ["C: auth plain", "S: 334 ", `C: ${b64("\0Bob\0secret")}`, "S: 235 2.7.0"],
  },
  {
    name: "AUTH LOGIN",
    script: [
      "C: AUTH LOGIN",
      "S: 334 VXNlcm5hbWU6",
      `C: ${b64("Bob")}`,
      "S: 334 UGFzc3dvcmQ6",
      `C: ${b64("secret")}`,
      "S: 235",
    ],
  },
  {
    name: "a wrong password",
    script: [`C: AUTH PLAIN ${b64("\0Bob\0wrong")}`, "S: 535 5.7.8", "C: NOOP", "S: 250"],
  },
  {
    name: "a cancelled exchange",
    script: ["C: AUTH LOGIN", "S: 334", "C: *", "S: 501 5.7.0", "C: NOOP", "S: 250"],
  },
  { name: "an unknown mechanism", script: ["C: AUTH CRAM-MD5", "S: 504 5.5.4"] },
  { name: "no mechanism", script: ["C: AUTH", "S: 501 5.5.4"] },
  { name: "too many words", script: ["C: AUTH PLAIN a b", "S: 501 5.5.4"] },
  {
    name: "a long response",
    script: ["C: AUTH PLAIN", "S: 334", `C: ${"A".repeat(12_284)}`, "S: 501 5.5.2", "C: NOOP", "S: 250"],
  },
  {
    name: "too long a response",
    script: ["C: AUTH PLAIN", "S: 334", `C: ${"A".repeat(12_288)}`, "S: 500 5.5.6", "C: NOOP", "S: 250"],
  },
  {
    name: "commands are as long as before after it",
    script: ["C: AUTH PLAIN", "S: 334", "C: *", "S: 501", `C: NOOP ${"x".repeat(4_096)}`, "S: 500 5.5.6"],
  },
];
for (const { name, script } of conversations) test(`AUTH: ${name}`, plays([...hello, ...script], { tls }));

test(
  "no password is asked for in the clear",
  plays([...hello, `C: AUTH PLAIN ${b64("\0Bob\0secret")}`, "S: 538 5.7.11"], { startTls: true }),
);

test(
  "AUTH that is not offered is not there",
  plays([...hello, "C: AUTH PLAIN", "S: 502 5.5.1"], {
    tls,
    mailroom: recorder({ mechanisms: () => [] }),
  }),
);

test("the login is part of the facts from then on, in canonical form", async () => {
  const seen: unknown[] = [];
  const mailroom = recorder({ mail: (_, { origin }) => void seen.push(origin) });
  await converse(
    [
      ...hello,
      "C: MAIL FROM:<a@x.example> SMTPUTF8",
      "S: 250",
      "C: RSET",
      "S: 250",
      `C: AUTH PLAIN ${b64("\0Bob\0secret")}`,
      "S: 235",
      mail,
      "S: 250",
      "C: RSET",
      "S: 250",
      "C: MAIL FROM:<a@x.example> SMTPUTF8",
      "S: 250",
    ],
    { tls, mailroom },
  );
  const before = { client: "192.0.2.7", helo: "c.example", tls };
  const origin = { ...before, user: "bob" };
  assert.deepEqual(seen, [
    { ...before, protocol: "UTF8SMTPS" },
    { ...origin, protocol: "ESMTPSA" },
    { ...origin, protocol: "UTF8SMTPSA" },
  ]);
});

test("a login in the clear does not outlive STARTTLS", async () => {
  const login = `AUTH PLAIN ${b64("\0Bob\0secret")}`;
  const talk = new Talk({ startTls: true, trustPlain: true });
  await talk.heard();
  await talk.ask("EHLO c.example");
  assert.match(await talk.ask(login), /^235/);
  assert.doesNotMatch(await talk.ask("EHLO c.example"), /AUTH/);
  await talk.ask("STARTTLS");
  assert.match(await talk.ask("EHLO c.example"), /AUTH PLAIN LOGIN/);
  assert.match(await talk.ask(login), /^235/);
});

test("guessing of passwords ends the session", async () => {
  const guess = `C: AUTH PLAIN ${b64("\0Bob\0wrong")}`;
  const talk = await converse([...hello, guess, "S: 535", guess, "S: 535", guess, "S: 421 4.7.0"], {
    tls,
    limits: { failedLogins: 2 },
  });
  assert.ok(talk.socket.ended);
});

test("no password gets into the log, at any level, nor one that was sent to deaf ears", async () => {
  const lines: string[] = [];
  const note = (fields: unknown, sentence: string) => void lines.push(JSON.stringify([fields, sentence]));
  const log: Log = { error: note, warn: note, info: note, debug: note, trace: note, child: () => log };
  const secret = b64("open sesame");
  const talk = new Talk({ tls, log });
  await talk.ask("EHLO c.example");
  await talk.ask(`AUTH PLAIN ${b64("\0bob\0open sesame")}`);
  for (const line of ["AUTH LOGIN", b64("bob"), secret]) await talk.ask(line);
  // Refused at once, and the client goes on all the same.
  for (const line of ["AUTH CRAM-MD5", b64("bob"), secret, `PASS ${secret}`]) await talk.ask(line);
  await talk.ask("MAIL FROM:<a@x.example>");
  const told = lines.join("\n").toLowerCase();
  assert.ok(told.includes("a@x.example") && told.includes("auth"), "there is a transcript");
  for (const word of [secret, b64("\0bob\0open sesame"), "sesame"])
    assert.ok(!told.includes(word.toLowerCase()), `${word} in ${told}`);
});
