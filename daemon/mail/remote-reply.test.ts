import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplyGarbage, ReplyReader, replyLimits } from "./remote-reply.ts";
import { type Reply, reply } from "./reply.ts";

function read(...chunks: readonly (string | Uint8Array)[]): Reply[] {
  const reader = new ReplyReader();
  const replies: Reply[] = [];
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string), (each) => replies.push(each));
  return replies;
}

const good = [
  { name: "a plain reply", given: "250 ok\r\n", want: [reply(250, "2.0.0", "ok")] },
  {
    name: "an enhanced code",
    given: "550 5.1.1 no such user\r\n",
    want: [reply(550, "5.1.1", "no such user")],
  },
  { name: "an enhanced code alone", given: "250 2.1.5\r\n", want: [reply(250, "2.1.5", "")] },
  { name: "a code without text", given: "250\r\n", want: [reply(250, "2.0.0", "")] },
  { name: "a code and a space", given: "354 \r\n", want: [reply(354, "3.0.0", "")] },
  { name: "LF for CRLF", given: "220 old host\n", want: [reply(220, "2.0.0", "old host")] },
  {
    name: "an enhanced code of another class",
    given: "450 5.1.1 odd\r\n",
    want: [reply(450, "4.0.0", "5.1.1 odd")],
  },
  { name: "a version number", given: "220 2.5.1beta\r\n", want: [reply(220, "2.0.0", "2.5.1beta")] },
  { name: "several spaces", given: "421 4.7.0   slow down\r\n", want: [reply(421, "4.7.0", "slow down")] },
  {
    name: "UTF-8",
    given: "550 5.1.1 Empfänger unbekannt\r\n",
    want: [reply(550, "5.1.1", "Empfänger unbekannt")],
  },
  {
    name: "control characters",
    given: "550 a\u0007b\u001b[1m\tc\rd\r\n",
    want: [reply(550, "5.0.0", "a b [1m c d")],
  },
  {
    name: "several lines with codes",
    given: "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n",
    want: [reply(550, "5.7.1", "one\ntwo\nthree")],
  },
  {
    name: "a code only on the last line",
    given: "452-wait\r\n452 4.2.2 full\r\n",
    want: [reply(452, "4.2.2", "wait\nfull")],
  },
  { name: "an empty last line", given: "250-a\r\n250\r\n", want: [reply(250, "2.0.0", "a\n")] },
  {
    name: "several replies",
    given: "250 a\r\n250 b\r\n354 c\r\n",
    want: [reply(250, "2.0.0", "a"), reply(250, "2.0.0", "b"), reply(354, "3.0.0", "c")],
  },
  { name: "an unfinished line", given: "250 a\r\n25", want: [reply(250, "2.0.0", "a")] },
] as const;

for (const { name, given, want } of good) {
  test(`reads ${name}`, () => assert.deepEqual(read(given), want));
  test(`reads ${name}, octet by octet`, () => {
    const octets = Buffer.from(given);
    const single = Array.from(octets, (_, at) => octets.subarray(at, at + 1));
    assert.deepEqual(read(...single), want);
  });
}

const bad = [
  { name: "no code", given: "hello\r\n" },
  { name: "an empty line", given: "\r\n" },
  { name: "a preliminary reply", given: "150 soon\r\n" },
  { name: "a code above 599", given: "600 what\r\n" },
  { name: "a code of four digits", given: "2500 ok\r\n" },
  { name: "a code in other digits", given: "２５０ ok\r\n" },
  { name: "codes that differ", given: "250-yes\r\n550 no\r\n" },
  { name: "an HTTP server", given: "HTTP/1.1 400 Bad Request\r\n" },
  { name: "an endless line", given: `250 ${"x".repeat(replyLimits.lineOctets)}` },
  { name: "a long line", given: `250 ${"x".repeat(replyLimits.lineOctets)}\r\n` },
  { name: "endless lines", given: "250-x\r\n".repeat(replyLimits.lines + 1) },
  { name: "many long lines", given: `250-${"x".repeat(4_000)}\r\n`.repeat(17) },
] as const;

for (const { name, given } of bad) {
  test(`refuses ${name}`, () => assert.throws(() => read(given), ReplyGarbage));
}

test("tells that something is unfinished", () => {
  const reader = new ReplyReader();
  const states = ["220 a\r\n", "22", "0 b\r\n", "220-c\r\n", "220 d\r\n"].map((chunk) => {
    reader.push(Buffer.from(chunk), () => {});
    return reader.partial;
  });
  assert.deepEqual(states, [false, true, false, true, false]);
});

test("any octets give replies in range or ReplyGarbage, and the same however they are split", () => {
  const text = fc.array(
    fc.constantFrom("2", "5", "0", " ", "-", ".", "\r", "\n", "\r\n", "250 ok\r\n", "é", "1"),
  );
  const octets = fc.oneof(
    text.map((parts) => Buffer.from(parts.join(""))),
    fc.uint8Array({ maxLength: 200 }).map((random) => Buffer.from(random)),
  );
  const outcome = (...chunks: readonly Buffer[]): readonly Reply[] | "garbage" => {
    try {
      return read(...chunks);
    } catch (error) {
      assert.ok(error instanceof ReplyGarbage, String(error));
      return "garbage";
    }
  };
  fc.assert(
    fc.property(octets, fc.nat(), (all, at) => {
      const cut = all.length === 0 ? 0 : at % all.length;
      const whole = outcome(all);
      assert.deepEqual(outcome(all.subarray(0, cut), all.subarray(cut)), whole);
      if (whole === "garbage") return;
      for (const { code, enhanced, text } of whole) {
        assert.ok(code >= 200 && code <= 599);
        assert.match(enhanced, /^[2345]\.\d{1,3}\.\d{1,3}$/);
        assert.equal(Number(enhanced[0]), Math.trunc(code / 100));
        assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
      }
    }),
    { numRuns: 2_000 },
  );
});
