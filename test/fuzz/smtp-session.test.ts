/**
 * Random streams into the SMTP engine. What must hold for all of them:
 * - it never throws, and all it says is replies;
 * - what it says and does depends neither on how the stream is split nor on whether the mailroom answers at once;
 * - octets of a message are never taken for commands.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MailroomSession } from "../../daemon/smtp/mailroom.ts";
import { fuzz } from "../harness/fuzz.ts";
import { codes, recorder, settled, Talk } from "../harness/smtp-session.ts";

const tls = { protocol: "TLSv1.3", cipher: "TEST" };

interface Ending {
  readonly out: string;
  readonly calls: readonly string[];
  readonly messages: readonly string[];
  readonly ended: boolean;
}

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));

/** Answers of the mailroom in a later turn. */
function slowly(room: MailroomSession): Partial<MailroomSession> {
  return {
    mail: async (...args) => later(await room.mail(...args)),
    rcpt: async (...args) => later(await room.rcpt(...args)),
    exchange: (...args) => {
      const exchange = room.exchange(...args);
      return exchange && { respond: async (...given) => later(await exchange.respond(...given)) };
    },
    open: async (...args) => {
      const sink = await later(await room.open(...args));
      return "write" in sink ? { ...sink, write: async (octets) => later(await sink.write(octets)) } : sink;
    },
  };
}

async function play(stream: Buffer, cuts: readonly number[], slow: boolean): Promise<Ending> {
  const mailroom = recorder();
  const welcome = await mailroom.open(
    { address: "", port: 0, listener: "smtp", tls: true },
    AbortSignal.abort(),
  );
  assert.ok(welcome.kind === "welcome");
  const session = slow ? { ...welcome.session, ...slowly(welcome.session) } : welcome.session;
  const talk = new Talk({ mailroom: { open: () => ({ ...welcome, session }) }, tls });
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  for (const [i, edge] of edges.slice(1).entries()) talk.send(stream.subarray(edges[i], edge));
  talk.send("\r\n.\r\nRSET\r\nQUIT\r\n");
  // A stream may end within a chunk or an exchange: then nothing more comes.
  for (let turns = 0; turns < 60 && !talk.socket.ended; turns++) await settled();
  talk.socket.destroy();
  await settled();
  const { out, ended } = talk.socket;
  // How much of a message was written before it was refused is nobody's business.
  const messages = mailroom.messages.map((message) =>
    message.end === "aborted" ? "aborted" : message.octets,
  );
  return { out, calls: mailroom.calls, messages, ended };
}

const words = [
  "EHLO a.example",
  "HELO a.example",
  "MAIL FROM:<a@x.example>",
  "MAIL FROM:<>",
  "RCPT TO:<b@x.example>",
  "DATA",
  "RSET",
  "BDAT 3",
  "BDAT 0",
  "BDAT 7 LAST",
  "BDAT x",
  "AUTH PLAIN",
  "AUTH LOGIN Ym9i",
  "AGJvYgBzZWNyZXQ=",
  "*",
  "NOOP",
  "VRFY x",
  "STARTTLS",
  "MAIL FROM:<ü@x.example> SMTPUTF8",
  'RCPT TO:<"a>b"@x.example> NOTIFY=NEVER',
  "GET / HTTP/1.1",
  "QUIT",
];
const gunk = [
  "\r",
  "\n",
  ".",
  "\r\n",
  "\r\n.",
  "\r\n.\r\n",
  "..",
  " ",
  "<",
  ">",
  "\0",
  "\u00ff",
  "x".repeat(300),
];
const command = fc.constantFrom(...words).map((word) => `${word}\r\n`);
const octets = fc.oneof(
  { weight: 3, arbitrary: command },
  { weight: 1, arbitrary: fc.constantFrom(...gunk) },
);
const opened = fc.constantFrom(
  "",
  "EHLO a.example\r\n",
  "EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\n",
);
const stream = fc
  .tuple(opened, fc.array(octets, { maxLength: 25 }))
  .map(([open, parts]) => Buffer.from(open + parts.join(""), "latin1"));

test("neither splitting nor a slow mailroom changes what is said and done", async () => {
  await fuzz(
    "smtp-session: neither splitting nor a slow mailroom changes what is said and done",
    fc.asyncProperty(stream, fc.array(fc.nat(1_000), { maxLength: 8 }), async (given, cuts) => {
      const whole = await play(given, [], false);
      assert.match(whole.out, /^220 /);
      assert.deepEqual(await play(given, cuts, false), whole);
      assert.deepEqual(await play(given, cuts, true), whole);
      assert.equal(whole.calls.filter((call) => call === "close").length, 1);
    }),
    { numRuns: 400 },
  );
});

test("random octets are survived", async () => {
  await fuzz(
    "smtp-session: random octets are survived",
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (given) => {
      const { ended, calls } = await play(Buffer.from(given), [], false);
      assert.ok(ended);
      assert.equal(calls.at(-1), "close");
    }),
    { numRuns: 300 },
  );
});

const evil = ["MAIL FROM:<evil@x.example>", "RCPT TO:<evil@x.example>", "DATA", "RSET", "BDAT 3 LAST"];
const lineEnds = ["\n", "\r", "\r\n", "\r\r\n", "\n\r"];
const dots = [".", "..", ". ", "\0.", ".\0"];
/** A message that tries to end early: anything but a dot alone between two CRLF. */
const smuggler = fc
  .array(fc.constantFrom(...evil, ...lineEnds, ...lineEnds, ...dots), { maxLength: 30 })
  .map((parts) => `x${parts.join("")}x`)
  .filter((text) => !text.includes("\r\n.\r\n"));

const opening = "EHLO a.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n";

test("no message smuggles a command, by DATA or by BDAT", async () => {
  await fuzz(
    "smtp-session: no message smuggles a command, by DATA or by BDAT",
    fc.asyncProperty(smuggler, fc.array(fc.nat(1_000), { maxLength: 5 }), async (text, cuts) => {
      const bare = /\r(?!\n)|(?<!\r)\n/.test(text);
      const data = await play(
        Buffer.from(`${opening}DATA\r\n${text}\r\n.\r\nNOOP\r\n`, "latin1"),
        cuts,
        false,
      );
      const bdat = await play(
        Buffer.from(`${opening}BDAT ${text.length} LAST\r\n${text}NOOP\r\n`, "latin1"),
        cuts,
        false,
      );
      for (const [{ out, calls, messages }, whole] of [
        [data, `${text}\r\n`.replaceAll("\r\n.", "\r\n")],
        [bdat, text],
      ] as const) {
        assert.doesNotMatch(calls.join("\n"), /evil/);
        assert.equal(messages.length, 1);
        if (bare) assert.ok(codes(out).includes(550));
        else assert.deepEqual(messages, [whole]);
      }
    }),
    { numRuns: 800 },
  );
});
