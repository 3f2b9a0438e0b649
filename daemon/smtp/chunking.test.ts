import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, converse, recorder, refusal } from "../../test/harness/smtp-session.ts";
import type { MailroomSession } from "./mailroom.ts";

const open = [
  "C: EHLO c.example",
  "S: 250",
  "C: MAIL FROM:<a@x.example>",
  "S: 250",
  "C: RCPT TO:<b@x.example>",
  "S: 250",
];

/** Sends octets within an open transaction; what is answered, and what the mailroom got. */
async function chunks(
  octets: string,
  over: Partial<MailroomSession> = {},
  opening: readonly string[] = open,
) {
  const mailroom = recorder(over);
  const talk = await converse(opening, { mailroom });
  talk.send(Buffer.from(octets, "latin1"));
  return { talk, answer: await talk.heard(), messages: mailroom.messages, calls: mailroom.calls };
}

test("a message in chunks, dots and all", async () => {
  const { answer, messages } = await chunks("BDAT 5\r\na\r\n.\rBDAT 0\r\nBDAT 4 LAST\r\n\n..bNOOP\r\n");
  assert.match(
    answer,
    /^250 2\.0\.0 5 octets received\r\n250 2\.0\.0 0 octets received\r\n250 2\.0\.0 queued\r\n250 2/,
  );
  assert.deepEqual(messages, [{ octets: "a\r\n.\r\n..b", end: "complete" }]);
});

test("chunks split octet by octet", async () => {
  const { talk, answer, messages } = await chunks("");
  assert.equal(answer, "");
  for (const octet of "BDAT 3\r\nx\r\nBDAT 2 LAST\r\n\r\nQUIT\r\n") talk.send(octet);
  assert.deepEqual(codes(await talk.heard()), [250, 250, 221]);
  assert.deepEqual(messages, [{ octets: "x\r\n\r\n", end: "complete" }]);
});

test("an empty message", async () => {
  const { answer, messages } = await chunks("BDAT 0 LAST\r\n");
  assert.deepEqual(codes(answer), [250]);
  assert.deepEqual(messages, [{ octets: "", end: "complete" }]);
});

test("commands within a chunk are octets, also when it is refused", async () => {
  const evil = "RSET\r\nMAIL FROM:<evil@x.example>\r\n";
  const bdat = `BDAT ${evil.length} LAST\r\n${evil}`;
  const hello = open.slice(0, 2);
  const late = await chunks(`${bdat}NOOP\r\n`, {}, hello);
  assert.deepEqual(codes(late.answer), [503, 250]);
  const refused = await chunks(`${bdat}NOOP\r\n`, { open: () => refusal(452, "4.3.1") });
  assert.deepEqual(codes(refused.answer), [452, 250]);
  const thrown = await chunks(`${bdat}NOOP\r\n`, { open: () => Promise.reject(new Error("bug")) });
  assert.deepEqual(codes(thrown.answer), [451, 250]);
  const nobody = await chunks(
    `RCPT TO:<b@x.example>\r\n${bdat}NOOP\r\n`,
    { rcpt: () => refusal(550, "5.1.1") },
    open.slice(0, 4),
  );
  assert.deepEqual(codes(nobody.answer), [550, 554, 250]);
  for (const { calls } of [late, refused, thrown, nobody]) assert.doesNotMatch(calls.join(), /evil/);
});

test("a failed chunk poisons the transaction until RSET", async () => {
  const { talk, answer, messages } = await chunks(
    "BDAT 3\r\na\nbBDAT 2\r\n\r\nBDAT 2 LAST\r\n\r\nDATA\r\nMAIL FROM:<>\r\n",
  );
  assert.deepEqual(codes(answer), [550, 503, 503, 503, 503]);
  assert.deepEqual(
    messages.map((m) => m.end),
    ["aborted"],
  );
  assert.match(await talk.ask("RSET"), /^250/);
  assert.match(await talk.ask("MAIL FROM:<>"), /^250/);
});

test("a failed last chunk ends the transaction", async () => {
  const { talk, answer } = await chunks("BDAT 3 LAST\r\na\nb");
  assert.deepEqual(codes(answer), [550]);
  assert.match(await talk.ask("MAIL FROM:<>"), /^250/);
});

test("a CR that ends the last chunk is bare", async () => {
  assert.match((await chunks("BDAT 2\r\na\rBDAT 0 LAST\r\n")).answer, /550 5\.6\.0/);
  const normalized = await chunks("BDAT 2\r\na\rBDAT 0 LAST\r\n", { lineEnds: () => "Normalize" });
  assert.deepEqual(normalized.messages, [{ octets: "a\r\n", end: "complete" }]);
});

test("RSET within a message forgets it", async () => {
  const { answer, messages } = await chunks("BDAT 3\r\na\r\nRSET\r\n");
  assert.deepEqual(codes(answer), [250, 250]);
  assert.deepEqual(messages, [{ octets: "a\r\n", end: "aborted" }]);
});

test("sizes are limited by what comes, not by what is said", async () => {
  const over = await chunks(`BDAT 10001 LAST\r\n${"x".repeat(10_001)}NOOP\r\n`);
  assert.deepEqual(codes(over.answer), [552, 250]);
  const summed = await chunks(`BDAT 6000\r\n${"x".repeat(6_000)}BDAT 6000 LAST\r\n${"x".repeat(6_000)}`);
  assert.deepEqual(codes(summed.answer), [250, 552]);
});

for (const opening of [open, open.slice(0, 2)])
  test(`a chunk far beyond the limit is not waited for (${opening.length / 2} commands before)`, async () => {
    const { talk, answer } = await chunks("BDAT 99999999999999999999 LAST\r\n", {}, opening);
    assert.match(answer, /^552 5\.3\.4/);
    assert.ok(talk.socket.ended);
  });

test("a BDAT that cannot be read ends the session, since its octets would be taken for commands", async () => {
  const { talk, answer } = await chunks("BDAT many\r\nRSET\r\n");
  assert.deepEqual(codes(answer), [501]);
  assert.ok(talk.socket.ended);
});
