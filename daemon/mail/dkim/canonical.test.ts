import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { RelaxedBodyHash, relaxedField } from "./canonical.ts";

const sha256 = (octets: Uint8Array | string) => createHash("sha256").update(octets).digest("base64");

function hashOf(body: Uint8Array, cuts: readonly number[] = []): string {
  const hash = new RelaxedBodyHash();
  const ends = [...cuts, body.length].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    const piece = Buffer.from(body.subarray(from, end));
    hash.update(piece);
    piece.fill(0xee); // it may be used again
    from = end;
  }
  return hash.digest();
}

/** RFC 6376 §3.4.4, word by word. */
function relaxedBody(text: string): string {
  const lines = text.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines.length === 0 ? "" : `${lines.join("\r\n")}\r\n`;
}

const table = [
  ["", ""],
  ["\r\n", ""],
  ["\r\n\r\n \t\r\n", ""],
  ["a", "a\r\n"],
  ["a\r\n", "a\r\n"],
  [" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"], // RFC 6376 §3.4.5
  ["\r\n\r\na\r\n", "\r\n\r\na\r\n"],
  ["a\r\n\r\nb", "a\r\n\r\nb\r\n"],
  ["a \t", "a\r\n"],
  ["a\rb\r\nc\nd\r\n", "a\rb\r\nc\nd\r\n"],
  ["a\r", "a\r\r\n"],
  ["a \rb", "a \rb\r\n"],
  ["a\r\r\nb", "a\r\r\nb\r\n"],
  [`${"\r\n".repeat(300)}x`, `${"\r\n".repeat(300)}x\r\n`],
] as const;
for (const [body, want] of table) {
  test(`the relaxed body of ${JSON.stringify(body).slice(0, 40)}`, () => {
    assert.equal(hashOf(Buffer.from(body)), sha256(want));
  });
}

const octets = fc
  .array(fc.constantFrom("a", "b", ".", " ", "\t", "\r\n", "\r", "\n", "\x00", "é", "  ", "\r\n\r\n"), {
    maxLength: 60,
  })
  .map((parts) => parts.join(""));

test("however it is written and cut, the hash is that of the standard's words", () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(120), { maxLength: 8 }), (text, at) => {
      const body = Buffer.from(text, "utf8");
      const cuts = at.filter((cut) => cut <= body.length);
      assert.equal(hashOf(body, cuts), sha256(Buffer.from(relaxedBody(text), "utf8")));
    }),
    { numRuns: 2_000 },
  );
});

test("the body of RFC 8463 appendix A has the hash that is printed there", () => {
  const body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
  assert.equal(hashOf(Buffer.from(body)), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
});

const fields = [
  ["A: X\r\n", "a:X"],
  ["B : Y\t\r\n\tZ  \r\n", "b:Y Z"], // RFC 6376 §3.4.5
  ["Subject:\r\n  folded\r\n", "subject:folded"],
  ["Empty:\r\n", "empty:"],
  ["To: a:b\r\n", "to:a:b"],
] as const;
for (const [field, want] of fields)
  test(`the relaxed field of ${JSON.stringify(field)}`, () => assert.equal(relaxedField(field), want));
