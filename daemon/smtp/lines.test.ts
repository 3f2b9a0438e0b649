import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineReader } from "./lines.ts";

const limits = { commandOctets: 20, loginOctets: 40 };

/** What a reader tells of `text`, in order: lines as they are, faults in brackets. */
function told(chunks: readonly (string | Buffer)[], login = false): string[] {
  const reader = new LineReader(limits);
  const events: string[] = [];
  for (const piece of chunks) {
    const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
    for (let at = 0; at < chunk.length; ) {
      at = reader.read(chunk, at, login);
      if (reader.line !== undefined) events.push(reader.line);
      if (reader.fault !== undefined) events.push(`[${reader.fault}]`);
    }
  }
  return events;
}

const table: readonly { name: string; given: string; want: readonly string[] }[] = [
  { name: "lines", given: "NOOP\r\nQUIT\r\n", want: ["NOOP", "QUIT"] },
  { name: "an empty line", given: "\r\n", want: [""] },
  { name: "UTF-8", given: "RCPT ü\r\n", want: ["RCPT ü"] },
  {
    name: "a bare LF swallows up to CRLF",
    given: "NOOP\nNOOP\nx\r\nQUIT\r\n",
    want: ["[bareNewline]", "QUIT"],
  },
  { name: "a bare LF at first", given: "\nx\r\nQUIT\r\n", want: ["[bareNewline]", "QUIT"] },
  { name: "a bare CR", given: "NO\rOP\r\nQUIT\r\n", want: ["[bareNewline]", "QUIT"] },
  { name: "CR CR LF", given: "NOOP\r\r\nQUIT\r\n", want: ["[bareNewline]", "QUIT"] },
  { name: "LF LF CRLF", given: "A\n\n\r\nQUIT\r\n", want: ["[bareNewline]", "QUIT"] },
  { name: "the longest line", given: `${"x".repeat(18)}\r\nQUIT\r\n`, want: ["x".repeat(18), "QUIT"] },
  { name: "a line too long", given: `${"x".repeat(19)}\r\nQUIT\r\n`, want: ["[tooLong]", "QUIT"] },
  { name: "a line far too long", given: `${"x".repeat(90)}\r\nQUIT\r\n`, want: ["[tooLong]", "QUIT"] },
  { name: "AUTH may be longer", given: `auth ${"x".repeat(33)}\r\n`, want: [`auth ${"x".repeat(33)}`] },
  { name: "AUTH not without end", given: `AUTH ${"x".repeat(34)}\r\nQUIT\r\n`, want: ["[tooLong]", "QUIT"] },
];
for (const { name, given, want } of table)
  test(`${name}, whole and octet by octet`, () => {
    assert.deepEqual(told([given]), want);
    const octets = Buffer.from(given);
    assert.deepEqual(told(Array.from(octets, (_, i) => octets.subarray(i, i + 1))), want);
  });

test("octets that are no UTF-8", () => {
  assert.deepEqual(told([Buffer.from("NOOP \xff\r\nQUIT\r\n", "latin1")]), ["[notUtf8]", "QUIT"]);
});

test("within an exchange every line may be longer", () => {
  assert.deepEqual(told([`${"x".repeat(38)}\r\n`], true), ["x".repeat(38)]);
  assert.deepEqual(told([`${"x".repeat(39)}\r\n`], true), ["[tooLong]"]);
});

test("what is told does not depend on how the stream is split", () => {
  const text = fc
    .array(fc.constantFrom("\r", "\n", "\r\n", "AUTH ", "abcd", "0123456789", "ü"), { maxLength: 14 })
    .map((parts) => `${parts.join("")}\r\nEND\r\n`);
  fc.assert(
    fc.property(text, fc.array(fc.nat(100), { maxLength: 10 }), (given, cuts) => {
      const octets = Buffer.from(given);
      const edges = [0, ...cuts.map((c) => c % octets.length).sort((a, b) => a - b), octets.length];
      const chunks = edges.slice(1).map((edge, i) => octets.subarray(edges[i], edge));
      const want = told([octets]);
      assert.deepEqual(told(chunks), want);
      // One event for each CRLF: the conversation stays in step.
      assert.equal(want.length, given.split("\r\n").length - 1);
    }),
    { numRuns: 10_000 },
  );
});
