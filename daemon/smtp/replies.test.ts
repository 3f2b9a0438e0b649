import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reply } from "../mail/reply.ts";
import { QueueError } from "../queue/queue.ts";
import { bare, encodeReply, replies, replyOf } from "./replies.ts";

const table: readonly { name: string; given: Parameters<typeof encodeReply>[0]; want: string }[] = [
  { name: "one line", given: reply(250, "2.0.0", "OK"), want: "250 2.0.0 OK\r\n" },
  { name: "no enhanced code", given: bare(354, "go"), want: "354 go\r\n" },
  { name: "an empty text", given: bare(334, ""), want: "334 \r\n" },
  {
    name: "several lines",
    given: reply(550, "5.7.1", "no\nnever"),
    want: "550-5.7.1 no\r\n550 5.7.1 never\r\n",
  },
  {
    name: "a CRLF is no line of the text's own",
    given: reply(550, "5.7.1", "no\r\n250 ok"),
    want: "550-5.7.1 no\r\n550 5.7.1 250 ok\r\n",
  },
  { name: "a bare CR", given: reply(550, "5.7.1", "no\r250 ok"), want: "550 5.7.1 no 250 ok\r\n" },
  { name: "non-ASCII", given: reply(550, "5.7.1", "für 😀\0"), want: "550 5.7.1 f?r ? \r\n" },
];
for (const { name, given, want } of table) test(name, () => assert.equal(encodeReply(given), want));

test("a long text is folded at spaces", () => {
  const lines = encodeReply(reply(550, "5.7.1", "word ".repeat(250).trim()))
    .split("\r\n")
    .slice(0, -1);
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => line.length <= 510 && line.endsWith("word")));
});

test("whatever the text, lines are short ASCII with the same code, and only the last has no hyphen", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 3000 }),
      fc.constantFrom("", "5.7.1"),
      (text, enhanced) => {
        const lines = encodeReply(reply(550, enhanced, text)).split("\r\n");
        assert.equal(lines.pop(), "");
        for (const [i, line] of lines.entries()) {
          assert.match(line, i === lines.length - 1 ? /^550 [ -~]*$/ : /^550-[ -~]*$/);
          assert.ok(line.length <= 510);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("every reply of ours fits on a line, and its enhanced code agrees with its code", () => {
  for (const [name, value] of Object.entries(replies)) {
    const given =
      typeof value === "function"
        ? (value as (a: never) => Parameters<typeof encodeReply>[0])("X" as never)
        : value;
    assert.match(encodeReply(given), /^\d{3} [ -~]{1,506}\r\n$/, name);
    const grave = String(given.code)[0];
    if (given.enhanced !== "") assert.equal(given.enhanced[0], grave, name);
  }
});

test("an error may carry its reply; others are our fault", () => {
  const full = reply(452, "4.3.1", "full");
  assert.deepEqual(replyOf(new QueueError(full)), { reply: full, expected: true });
  for (const odd of [new Error("x"), "x", undefined, Object.assign(new Error("x"), { reply: "no" })])
    assert.deepEqual(replyOf(odd), { reply: replies.ourFault, expected: false });
});
