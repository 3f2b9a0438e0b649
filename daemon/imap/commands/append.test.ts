import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, simpleMessage, stage } from "../../../test/harness/imap-session.ts";

const message = (subject: string) => `Subject: ${subject}\r\n\r\nbody of ${subject}\r\n`;

/** A literal that does not wait. */
const literal = (text: string) => `{${Buffer.byteLength(text)}+}\r\n${text}`;

const status = async (client: Client, folder = "INBOX") =>
  Number(/MESSAGES (\d+)/.exec((await client.ok(`STATUS ${folder} (MESSAGES)`))[0] ?? "")?.[1]);

test("who waits is asked to go on; flags and date are kept", async () => {
  const client = await stage().connect().bring("selected");
  client.send(`a APPEND INBOX (\\Seen $Kw) "07-Feb-1994 21:52:25 -0800" {${simpleMessage.length}}\r\n`);
  assert.equal(await client.line(), "+ OK");
  client.send(`${simpleMessage}\r\n`);
  const lines = await client.until("a");
  assert.match(lines.at(-1) ?? "", /^a OK \[APPENDUID \d+ 1\] APPEND completed/);
  assert.ok(lines.includes("* 1 EXISTS"));
  const [fetched] = await client.ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])");
  assert.ok(fetched?.includes("FLAGS (\\Seen $Kw)"));
  assert.ok(fetched?.includes('INTERNALDATE " 8-Feb-1994 05:52:25 +0000"'));
  assert.ok(fetched?.endsWith(`{${simpleMessage.length}}\r\n${simpleMessage})`));
  await client.hangUp();
});

test("a message that arrives octet by octet is the same message", async () => {
  const client = await stage().connect().bring("selected");
  for (const octet of Buffer.from(`a APPEND INBOX ${literal(simpleMessage)}\r\n`))
    client.send(Buffer.from([octet]));
  await client.until("a");
  const [fetched] = await client.ok("FETCH 1 BODY.PEEK[]");
  assert.ok(fetched?.endsWith(`${simpleMessage})`));
  await client.hangUp();
});

test("several messages in one command are added together", async () => {
  const client = await stage().connect().bring("user");
  client.send(
    `a APPEND INBOX (\\Seen) ${literal(message("one"))} ${literal(message("two"))} (\\Draft) "01-Jan-2026 00:00:00 +0000" `,
  );
  client.send(`${literal(message("three"))}\r\n`);
  assert.match((await client.until("a")).at(-1) ?? "", /^a OK \[APPENDUID \d+ 1:3\]/);
  assert.equal(await status(client), 3);
  await client.hangUp();
});

test("UTF8 and literal8 wrap a message", async () => {
  const client = await stage().connect().bring("user");
  await client.ok("ENABLE UTF8=ACCEPT");
  const text = message("grün");
  client.send(Buffer.from(`a APPEND INBOX UTF8 (~${literal(text)})\r\n`));
  assert.match((await client.until("a")).at(-1) ?? "", /^a OK/);
  client.send(`b APPEND INBOX UTF8 (~${literal("x")}\r\n`);
  assert.match((await client.until("b")).at(-1) ?? "", /^b BAD/);
  assert.equal(await status(client), 1);
  await client.hangUp();
});

const refusals = [
  ["a folder that does not exist", `Nowhere ${literal("Subject: x\r\n\r\n")}`, /^a NO \[TRYCREATE\]/],
  ["a flag that nobody may set", `INBOX (\\Recent) ${literal("Subject: x\r\n\r\n")}`, /^a BAD/],
  ["a date that is none", `INBOX "yesterday" ${literal("Subject: x\r\n\r\n")}`, /^a BAD/],
  ["a message of no octets", "INBOX {0+}\r\n", /^a NO/],
  ["a message beyond the limit", `INBOX ${literal("x".repeat(2_001))}`, /^a NO \[TOOBIG\]/],
  [
    "a second message that is wrong",
    `INBOX ${literal(message("one"))} (bad ${literal(message("two"))}`,
    /^a BAD/,
  ],
  ["nonsense behind the message", `INBOX ${literal(message("one"))} nonsense`, /^a BAD/],
  [
    "a second message beyond the quota",
    `INBOX ${literal("y".repeat(900))} ${literal("y".repeat(900))}`,
    /^a NO \[OVERQUOTA\]/,
  ],
] as const;

for (const [name, text, want] of refusals)
  test(`${name} is refused, nothing is added, and the conversation goes on`, async () => {
    const here = stage();
    here.quota = { bytes: 1_000 };
    const client = await here.connect({ limits: { appendOctets: 2_000 } }).bring("user");
    client.send(`a APPEND ${text}\r\n`);
    assert.match((await client.until("a")).at(-1) ?? "", want);
    assert.equal(await status(client), 0);
    await client.hangUp();
  });

test("who waits to be asked hears the refusal at once, and sends nothing", async () => {
  const here = stage();
  here.quota = { bytes: 100 };
  const client = await here.connect().bring("user");
  client.send("a APPEND INBOX {5000}\r\n");
  assert.match(await client.line(), /^a NO \[OVERQUOTA\]/);
  client.send("b APPEND Nowhere {50}\r\n");
  assert.match(await client.line(), /^b NO \[TRYCREATE\]/);
  client.send("c APPEND INBOX\r\n");
  assert.match(await client.line(), /^c BAD/);
  await client.hangUp();
});

test("a name may be a literal too", async () => {
  const client = await stage().connect().bring("user");
  client.send(`a APPEND {7}\r\n`);
  assert.equal(await client.line(), "+ OK");
  client.send(`Archive (\\Seen) ${literal(message("x"))}\r\n`);
  assert.match((await client.until("a")).at(-1) ?? "", /^a OK/);
  assert.equal(await status(client, "Archive"), 1);
  await client.hangUp();
});

test("strangers' messages are swallowed", async () => {
  const client = await stage().connect().bring("stranger");
  client.send(`a APPEND INBOX ${literal("x".repeat(100_000))}\r\n`);
  assert.match((await client.until("a")).at(-1) ?? "", /^a BAD/);
  await client.ok("NOOP");
  await client.hangUp();
});
