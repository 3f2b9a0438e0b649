import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits } from "../limits.ts";
import { Input } from "../wire/input.ts";
import { CommandReader, type Reading } from "./reader.ts";

const limits = {
  ...defaultLimits,
  commandOctets: 200,
  commandOctetsBeforeLogin: 50,
  literalOctets: 100,
  literalOctetsBeforeLogin: 10,
  literalsPerCommand: 3,
  tagOctets: 10,
};

/** Reads every command of `text`; what the reader asks for is counted. */
async function read(text: string, loggedIn = true) {
  const input = new Input({ pause() {}, resume() {} });
  input.push(Buffer.from(text, "latin1"));
  input.end();
  let asked = 0;
  const reader = new CommandReader(input, limits, () => asked++);
  const readings: Reading[] = [];
  for (;;) {
    const reading = await reader.next(loggedIn);
    if (reading.kind === "ended") return { readings, asked };
    readings.push(reading);
    if (reading.kind === "request" && reading.request.literal) await reader.swallow(reading.request.literal);
  }
}

const shown = (reading: Reading | undefined) =>
  reading?.kind === "request"
    ? `${reading.request.tag} ${reading.request.name} ${reading.request.args.text.slice(reading.request.args.at)}`
    : reading?.kind === "faulty"
      ? `${reading.tag} ${reading.answer.status} ${reading.answer.code}`
      : "ended";

const cases = [
  ["a noop\r\n", ["a NOOP "]],
  ["a uid fetch 1 flags\r\nb Check\r\n", ["a UID FETCH  1 flags", "b CHECK "]],
  ["a LOGIN {3}\r\nbob {6}\r\nsecret\r\nb NOOP\r\n", ["a LOGIN  \0 \0", "b NOOP "]],
  ["a APPEND INBOX {5+}\r\nhello\r\nb NOOP\r\n", ["a APPEND  INBOX ", "b NOOP "]],
  ["a APPEND {5+}\r\nINBOX (\\Seen) ~{5+}\r\nhello\r\nb NOOP\r\n", ["a APPEND  \0 (\\Seen) ", "b NOOP "]],
  [`a APPEND INBOX {500+}\r\n${"x".repeat(500)}\r\nb NOOP\r\n`, ["a APPEND  INBOX ", "b NOOP "]],
  [`a X {101+}\r\n${"x".repeat(101)} {4+}\r\nyyyy z\r\nb NOOP\r\n`, ["a NO TOOBIG", "b NOOP "]],
  ["a X {101}\r\nb NOOP\r\n", ["a NO TOOBIG", "b NOOP "]],
  ["a X {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4 z\r\nb NOOP\r\n", ["a BAD TOOBIG", "b NOOP "]],
  [`a X ${"x".repeat(300)}\r\nb NOOP\r\n`, ["a BAD TOOBIG", "b NOOP "]],
  [`a X ${"x".repeat(300)} {4+}\r\na b\n\r\nb NOOP\r\n`, ["a BAD TOOBIG", "b NOOP "]],
  [`a X {90+}\r\n${"x".repeat(90)} ${"y".repeat(300)}\r\nb NOOP\r\n`, ["a BAD TOOBIG", "b NOOP "]],
  ["a X \0\r\nb NOOP\r\n", ["a BAD CLIENTBUG", "b NOOP "]],
  ["\r\n", ["* BAD CLIENTBUG"]],
  ["+ NOOP\r\n", ["* BAD CLIENTBUG"]],
  ["a\r\n", ["a BAD CLIENTBUG"]],
  ["a \r\n", ["a BAD CLIENTBUG"]],
  ["a (x)\r\n", ["a BAD CLIENTBUG"]],
  ["elevenoctet NOOP\r\n", ["* BAD CLIENTBUG"]],
  ["a UID\r\n", ["a UID "]],
] as const;

for (const [text, want] of cases)
  test(`${JSON.stringify(text.slice(0, 50))} is read as ${JSON.stringify(want)}`, async () => {
    const { readings } = await read(text);
    assert.deepEqual(readings.map(shown), want);
  });

test("who waits is asked, once for each literal", async () => {
  assert.equal((await read("a LOGIN {3}\r\nbob {6+}\r\nsecret\r\n")).asked, 1);
  assert.equal((await read("a APPEND INBOX {3}\r\n")).asked, 0);
});

test("before login less is let in", async () => {
  const { readings } = await read(`a LOGIN {11}\r\nb NOOP ${"x".repeat(60)}\r\nc NOOP\r\n`, false);
  assert.deepEqual(readings.map(shown), ["a NO TOOBIG", "b BAD TOOBIG", "c NOOP "]);
});

test("a literal that nobody would swallow ends the conversation", async () => {
  const { readings } = await read("a X {999999999+}\r\n");
  assert.ok(readings[0]?.kind === "faulty" && readings[0].fatal === true);
});
