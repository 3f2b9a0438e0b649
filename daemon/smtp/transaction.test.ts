import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes,
  collect,
  converse,
  plays,
  recorder,
  refusal,
  type Taken,
  type TalkOptions,
} from "../../test/harness/smtp-session.ts";
import { reply } from "../mail/reply.ts";
import type { MailroomSession } from "./mailroom.ts";

const hello = ["C: EHLO c.example", "S: 250"];
const open = [...hello, "C: MAIL FROM:<a@x.example>", "S: 250", "C: RCPT TO:<b@x.example>", "S: 250"];

const senders: readonly (readonly [argument: string, want: string])[] = [
  ["FROM:<>", "250 2.1.0"],
  ["FROM: <a@x.example>", "250"],
  ["from:<@hop.example:a@x.example>", "250"],
  ["FROM:<a@[192.0.2.1]>", "250"],
  ["FROM:<a@[IPv6:2001:db8::1]>", "250"],
  ['FROM:<"a b>"@x.example>', "250"],
  ["FROM:<a@bücher.example> SMTPUTF8", "250"],
  ["FROM:<a@bücher.example>", "550 5.6.7"],
  ["FROM:<jürgen@x.example> BODY=8BITMIME", "550 5.6.7"],
  ["FROM:<a@x.example> SIZE=10000", "250"],
  ["FROM:<a@x.example> SIZE=10001", "552 5.3.4"],
  ["FROM:<a@x.example> SIZE=99999999999999999999", "552 5.3.4"],
  ["FROM:<a@x.example> SIZE=x", "501 5.5.4"],
  ["FROM:<a@x.example> FOO=1", "555 5.5.4"],
  ["FROM:<a@x.example> BODY=7BIT BODY=7BIT", "555 5.5.4"],
  ["FROM:<a@x.example> AUTH=<>", "555 5.5.4"],
  ["FROM:a@x.example", "501 5.5.2"],
  ["FROM:<a@x.example", "501 5.5.2"],
  ["", "501 5.5.2"],
  ["TO:<a@x.example>", "501 5.5.2"],
  ["FROM:<a>", "501 5.1.7"],
  ["FROM:<a@>", "501 5.1.7"],
  ["FROM:<a b@x.example>", "501 5.1.7"],
  [`FROM:<${"a".repeat(65)}@x.example>`, "501 5.1.7"],
];
for (const [argument, want] of senders)
  test(`MAIL ${argument.slice(0, 50)}`, plays([...hello, `C: MAIL ${argument}`, `S: ${want}`]));

const recipients: readonly (readonly [argument: string, want: string])[] = [
  ["TO:<b@x.example>", "250 2.1.5"],
  ["to:<Postmaster>", "250"],
  ["TO:<@a.example,@b.example:b@x.example> NOTIFY=NEVER", "250"],
  ["TO:<jürgen@x.example>", "553 5.6.7"],
  ["TO:<>", "501 5.1.3"],
  ["TO:<b>", "501 5.1.3"],
  ["TO:<b@x..example>", "501 5.1.3"],
  ["TO:b@x.example", "501 5.5.2"],
  ["TO:<b@x.example> NOTIFY=SOMETIMES", "501 5.5.4"],
  ["TO:<b@x.example> SIZE=1", "555 5.5.4"],
];
for (const [argument, want] of recipients)
  test(
    `RCPT ${argument}`,
    plays([...hello, "C: MAIL FROM:<>", "S: 250", `C: RCPT ${argument}`, `S: ${want}`]),
  );

test("the mailroom hears what was said, local parts as written", async () => {
  const mailroom = recorder();
  await converse(
    [
      ...hello,
      "C: MAIL FROM:<Bob.X@EXAMPLE.test> RET=HDRS ENVID=a+2Bb SMTPUTF8 BODY=8BITMIME SIZE=7",
      "S: 250",
      "C: RCPT TO:<jürgen@bücher.example> NOTIFY=SUCCESS ORCPT=rfc822;x@y.example",
      "S: 250",
      "C: RCPT TO:<POSTMASTER>",
      "S: 250",
    ],
    { mailroom },
  );
  assert.deepEqual(
    mailroom.calls.slice(1).map((call) => JSON.parse(call.slice(5))),
    [
      { path: "Bob.X@example.test", body: "8BITMIME", smtputf8: true, ret: "HDRS", envid: "a+b", size: 7 },
      {
        address: "jürgen@xn--bcher-kva.example",
        notify: ["success"],
        orcpt: { type: "rfc822", address: "x@y.example" },
      },
      { address: "postmaster" },
    ],
  );
});

test("refusals of the mailroom are spoken, and leave room for others", async () => {
  const mailroom = recorder({
    rcpt: ({ address }) =>
      address.startsWith("no") ? refusal(550, "5.1.1") : reply(251, "2.1.5", "elsewhere"),
  });
  await converse(
    [
      ...hello,
      "C: MAIL FROM:<>",
      "S: 250",
      "C: RCPT TO:<no@x.example>",
      "S: 550 5.1.1",
      "C: DATA",
      "S: 554 5.5.1",
      "C: RCPT TO:<yes@x.example>",
      "S: 251 2.1.5",
      "C: DATA",
      "S: 354",
    ],
    { mailroom },
  );
});

test("what was pipelined after a refused MAIL is no fault of the client", async () => {
  const mailroom = recorder({ mail: () => refusal(451, "4.7.1") });
  const talk = await converse(hello, { mailroom, limits: { errors: 0 } });
  talk.send("MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
  assert.deepEqual(codes(await talk.heard()), [451, 503, 503]);
});

test("once a MAIL is accepted, disorder is a fault again", async () => {
  let answer: ReturnType<typeof refusal> | undefined = refusal(451, "4.7.1");
  const talk = await converse(hello, { mailroom: recorder({ mail: () => answer }), limits: { errors: 0 } });
  assert.deepEqual(codes(await talk.ask("MAIL FROM:<>")), [451]);
  answer = undefined;
  assert.deepEqual(codes(await talk.ask("MAIL FROM:<>")), [250]);
  assert.deepEqual(codes(await talk.ask("DATA")), [421]);
});

test("recipients are limited per transaction, and those refused per session", async () => {
  const rcpt = "C: RCPT TO:<b@x.example>";
  await converse([...open, rcpt, "S: 250", rcpt, "S: 250", rcpt, "S: 452 4.5.3", rcpt, "S: 421 4.7.0"], {
    limits: { refusedRecipients: 1 },
  });
});

/** Sends `octets` after DATA; what is answered, and what the mailroom got. */
async function message(octets: string, over: Partial<MailroomSession> = {}, options: TalkOptions = {}) {
  const mailroom = recorder(over);
  const talk = await converse([...open, "C: DATA", "S: 354"], { ...options, mailroom });
  talk.send(Buffer.from(octets, "latin1"));
  return { talk, answer: await talk.heard(), messages: mailroom.messages };
}

const smuggles = [
  "a\n.\r\nb",
  "a\n.\nb",
  "a\r.\r\nb",
  "a\r.\rb",
  "a\r\n.\nb",
  "a\r\n.\rb",
  "a\r\r\nb",
  "a\nb",
  "a\rb",
  "\r",
  "\n",
];
for (const text of smuggles) {
  test(`${JSON.stringify(text)} ends no message and is refused at its true end`, async () => {
    const { talk, answer, messages } = await message(`${text}\r\n.\r\nNOOP\r\n`);
    assert.match(answer, /^550 5\.6\.0 [^\r]*2\.3\.8[^\r]*\r\n250 2\.0\.0 OK\r\n$/);
    assert.deepEqual(
      messages.map((m) => m.end),
      ["aborted"],
    );
    assert.match(await talk.ask("MAIL FROM:<>"), /^250/);
  });
  test(`${JSON.stringify(text)} is made CRLF where the policy says so`, async () => {
    const { answer, messages } = await message(`${text}\r\n.\r\nNOOP\r\n`, { lineEnds: () => "Normalize" });
    assert.deepEqual(codes(answer), [250, 250]);
    assert.doesNotMatch(messages[0]?.octets ?? "\r", /\r(?!\n)|(?<!\r)\n/);
  });
}

test("a message that would smuggle another is one message when normalized", async () => {
  const evil = "x\n.\nMAIL FROM:<evil@x.example>\nRCPT TO:<b@x.example>\nDATA\nhi\n.\n\r\n.\r\n";
  const { answer, messages } = await message(evil, { lineEnds: () => "Normalize" });
  assert.deepEqual(codes(answer), [250]);
  assert.deepEqual(messages, [
    {
      octets: "x\r\n.\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nhi\r\n.\r\n\r\n",
      end: "complete",
    },
  ]);
});

test("8-bit and NUL octets pass untouched", async () => {
  const { answer, messages } = await message("\0\x80\xff\r\n.\r\n");
  assert.deepEqual(codes(answer), [250]);
  assert.deepEqual(messages, [{ octets: "\0\x80\xff\r\n", end: "complete" }]);
});

test("a message beyond the limit is read to its end and refused", async () => {
  const { talk, answer, messages } = await message(`${"x".repeat(9_999)}\r\n.\r\n`);
  assert.match(answer, /^552 5\.3\.4/);
  assert.deepEqual(
    messages.map((m) => m.end),
    ["aborted"],
  );
  assert.match(await talk.ask("MAIL FROM:<>"), /^250/);
  assert.deepEqual(codes((await message(`${"x".repeat(9_998)}\r\n.\r\n`)).answer), [250]);
});

test("a message far beyond the limit is cut off", async () => {
  const { talk, answer } = await message("x".repeat(40_001));
  assert.match(answer, /^552 5\.3\.4/);
  assert.ok(talk.socket.ended);
});

test("what the sink throws is the answer, and the rest of the message is dropped", async () => {
  const full = Object.assign(new Error("full"), { reply: reply(452, "4.3.1", "full") });
  const throwing: readonly [MailroomSession["open"], number][] = [
    [
      () => ({
        ...collect([]),
        write: () => {
          throw full;
        },
      }),
      452,
    ],
    [() => ({ ...collect([]), write: () => Promise.reject(full) }), 452],
    [() => ({ ...collect([]), write: () => Promise.reject(new Error("bug")) }), 451],
    [() => ({ ...collect([]), end: () => Promise.reject(full) }), 452],
    [
      () => ({
        ...collect([]),
        end: () => {
          throw new Error("bug");
        },
      }),
      451,
    ],
  ];
  for (const [opened, code] of throwing) {
    const { talk, answer } = await message("a\r\nb\r\n.\r\n", { open: opened });
    assert.deepEqual(codes(answer), [code]);
    assert.match(await talk.ask("MAIL FROM:<>"), /^250/);
  }
});

test("a mailroom that cannot open a message says so, and the transaction stays", async () => {
  for (const opened of [
    () => refusal(452, "4.3.1"),
    () => Promise.reject(new Error("bug")),
    () => {
      throw new Error("bug");
    },
  ]) {
    const talk = await converse(open, { mailroom: recorder({ open: opened }) });
    assert.match(await talk.ask("DATA"), /^45[12] 4\.3\.[01]/);
    assert.match(await talk.ask("DATA"), /^45[12] 4\.3\.[01]/);
  }
});

test("while the sink is busy nothing more is written to it", async () => {
  const messages: Taken[] = [];
  let inWrite = false;
  const sink = collect(messages, true);
  const strict = {
    ...sink,
    write: async (octets: Uint8Array) => {
      assert.equal(inWrite, false);
      inWrite = true;
      await sink.write(octets);
      inWrite = false;
    },
  };
  const talk = await converse([...open, "C: DATA", "S: 354"], { mailroom: recorder({ open: () => strict }) });
  for (const piece of ["a\r", "\n.", ".b\r\n.c", "\r\n.\r", "\nNOOP\r\n"]) talk.send(piece);
  assert.ok(talk.socket.events);
  let answer = "";
  for (let turns = 0; turns < 10 && !answer.endsWith("OK\r\n"); turns++) answer += await talk.heard();
  assert.deepEqual(codes(answer), [250, 250]);
  assert.deepEqual(messages, [{ octets: "a\r\n.b\r\nc\r\n", end: "complete" }]);
});
