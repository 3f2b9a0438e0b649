import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes,
  converse,
  plays,
  recorder,
  refusal,
  Talk,
  type TalkOptions,
} from "../../test/harness/smtp-session.ts";

const tls = { protocol: "TLSv1.3", cipher: "TEST" };
const mail = "C: MAIL FROM:<a@x.example>";
const rcpt = "C: RCPT TO:<b@x.example>";

/** Commands that lead to a state, and what each state answers to each command. */
const states: Record<string, { opening: readonly string[]; answers: Record<string, string> }> = {
  fresh: {
    opening: [],
    answers: {
      "MAIL FROM:<>": "503 5.5.1",
      "RCPT TO:<b@x.example>": "503 5.5.1",
      DATA: "503 5.5.1",
      RSET: "250",
      "AUTH PLAIN": "503 5.5.1",
      NOOP: "250",
    },
  },
  greeted: {
    opening: ["C: EHLO c.example", "S: 250"],
    answers: {
      "MAIL FROM:<>": "250 2.1.0",
      "RCPT TO:<b@x.example>": "503 5.5.1",
      DATA: "503 5.5.1",
      RSET: "250",
      "BDAT 0": "503 5.5.1",
      QUIT: "221",
    },
  },
  mail: {
    opening: ["C: HELO c.example", "S: 250", mail, "S: 250"],
    answers: {
      "MAIL FROM:<>": "503 5.5.1",
      "RCPT TO:<b@x.example>": "250 2.1.5",
      DATA: "503 5.5.1",
      "BDAT 0 LAST": "503 5.5.1",
      "VRFY b": "252",
      "AUTH PLAIN": "503 5.5.1",
    },
  },
  rcpt: {
    opening: ["C: EHLO c.example", "S: 250", mail, "S: 250", rcpt, "S: 250"],
    answers: {
      "MAIL FROM:<>": "503 5.5.1",
      "RCPT TO:<b@x.example>": "250 2.1.5",
      DATA: "354",
      "DATA x": "501 5.5.4",
      "BDAT 0": "250 2.0.0",
      HELP: "214",
    },
  },
  chunks: {
    opening: ["C: EHLO c.example", "S: 250", mail, "S: 250", rcpt, "S: 250", "C: BDAT 0", "S: 250"],
    answers: {
      "MAIL FROM:<>": "503 5.5.1",
      "RCPT TO:<b@x.example>": "503 5.5.1",
      DATA: "503 5.5.1",
      "BDAT 0 LAST": "250 2.0.0",
      RSET: "250",
    },
  },
};
const anywhere: Record<string, string> = {
  "EHLO c.example": "250 CHUNKING",
  "EHLO ": "501 5.5.2",
  "EHLO a b": "501 5.5.2",
  "HELO ü": "501 5.5.2",
  "NOOP anything": "250 2.0.0",
  "RSET x": "501 5.5.4",
  VRFY: "501 5.5.4",
  "EXPN list": "502 5.5.1",
  "QUIT now": "501 5.5.4",
  STARTTLS: "502 5.5.1",
  "": "500 5.5.2",
  JUNK: "500 5.5.1",
  "GET / HTTP/1.1": "421 4.7.0",
  "BDAT x": "501 5.5.4",
};
for (const [state, { opening, answers }] of Object.entries(states))
  for (const [command, want] of Object.entries({ ...anywhere, ...answers }))
    test(
      `when ${state}, ${JSON.stringify(command)} is answered ${want}`,
      plays([...opening, `C: ${command}`, `S: ${want}`]),
    );

const ehlo = async (options: TalkOptions) => {
  const talk = new Talk(options);
  await talk.heard();
  const lines = (await talk.ask("EHLO c.example")).split("\r\n").slice(0, -1);
  return { talk, first: lines[0], keywords: lines.slice(1).map((line) => line.slice(4)) };
};
const always = ["PIPELINING", "SIZE 10000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING"];

test("EHLO offers what is there: STARTTLS where it can be, AUTH where it is safe", async () => {
  const plain = await ehlo({});
  assert.equal(plain.first, "250-mx.example greets c.example");
  assert.deepEqual(plain.keywords, always);
  assert.deepEqual((await ehlo({ startTls: true })).keywords, [...always, "STARTTLS"]);
  assert.deepEqual((await ehlo({ tls })).keywords, [...always, "REQUIRETLS", "AUTH PLAIN LOGIN"]);
  assert.deepEqual((await ehlo({ trustPlain: true })).keywords, [...always, "AUTH PLAIN LOGIN"]);
  const without = recorder({ mechanisms: () => [] });
  assert.deepEqual((await ehlo({ tls, mailroom: without })).keywords, [...always, "REQUIRETLS"]);
});

test(
  "a mailroom may refuse a greeting",
  plays(["C: EHLO bad.example", "S: 550 5.7.1", "C: MAIL FROM:<>", "S: 503 5.5.1"], {
    mailroom: recorder({ helo: () => refusal(550, "5.7.1") }),
  }),
);

test("what follows STARTTLS in the clear is thrown away, and EHLO comes again", async () => {
  const mailroom = recorder();
  const { talk, keywords } = await ehlo({ startTls: true, mailroom });
  assert.ok(keywords.includes("STARTTLS"));
  talk.send("STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\n");
  assert.equal(await talk.heard(), "220 2.0.0 Ready to start TLS\r\n");
  assert.match(await talk.ask("MAIL FROM:<a@x.example>"), /^503 5\.5\.1/);
  const again = await talk.ask("EHLO c.example");
  assert.doesNotMatch(again, /STARTTLS/);
  assert.match(again, /AUTH PLAIN LOGIN/);
  assert.match(await talk.ask("STARTTLS"), /^503 5\.5\.1/);
  assert.equal(mailroom.calls.filter((call) => call.startsWith("mail")).length, 0);
});

test("half a command before STARTTLS does not become one after it", async () => {
  const { talk } = await ehlo({ startTls: true });
  talk.send("STARTTLS\r\nNO");
  await talk.heard();
  assert.match(await talk.ask("OP"), /^500 5\.5\.1/);
});

test("STARTTLS ends a transaction", async () => {
  const mailroom = recorder();
  const { talk } = await ehlo({ startTls: true, mailroom });
  await talk.ask("MAIL FROM:<a@x.example>");
  await talk.ask("STARTTLS");
  await talk.ask("EHLO c.example");
  assert.match(await talk.ask("RCPT TO:<b@x.example>"), /^503/);
  assert.ok(mailroom.calls.includes("reset"));
});

test("a handshake that fails ends the session", async () => {
  const { talk } = await ehlo({ startTls: true });
  talk.socket.startTls = () => Promise.reject(new Error("no shared cipher"));
  await talk.ask("STARTTLS");
  assert.ok(talk.socket.ended);
});

const hello = ["C: EHLO c.example", "S: 250"];
test(
  "too many errors end the session",
  plays(["C: A", "S: 500", "C: B", "S: 500", "C: C", "S: 421 4.7.0"], { limits: { errors: 2 } }),
);

test("a message pardons earlier errors", async () => {
  const message = [mail, "S: 250", rcpt, "S: 250", "C: BDAT 0 LAST", "S: 250"];
  await converse([...hello, "C: A", "S: 500", ...message, "C: B", "S: 500", "C: C", "S: 421"], {
    limits: { errors: 1 },
  });
});

test(
  "commands without a message are bounded",
  plays(["C: NOOP", "S: 250", "C: RSET", "S: 250", "C: HELP", "S: 421 4.7.0"], {
    limits: { idleCommands: 2 },
  }),
);

test("a message earns room for more commands", async () => {
  const message = [mail, "S: 250", rcpt, "S: 250", "C: BDAT 0 LAST", "S: 250"];
  const script = [...hello, ...message, "C: RSET", "S: 250", "C: NOOP", "S: 421"];
  await converse(script, { limits: { idleCommands: 1 } });
});

test("the mailroom may end a session at a fault", async () => {
  const mailroom = recorder({ fault: (kind) => (kind === "unknown" ? refusal(521, "5.7.1") : undefined) });
  const talk = await converse(["C: EHLO", "S: 501", "C: JUNK", "S: 521 5.7.1"], { mailroom });
  assert.ok(talk.socket.ended);
});

test("a bare LF is told at once, and the conversation stays in step", async () => {
  const talk = await converse([]);
  talk.send("NOOP\n");
  assert.match(await talk.heard(), /^500 5\.5\.2 [^\n]*2\.3\.8[^\n]*\r\n$/);
  talk.send("MAIL FROM:<>\r\nNOOP\r\n");
  assert.deepEqual(codes(await talk.heard()), [250]);
});
