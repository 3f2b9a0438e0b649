import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotReader } from "./dots.ts";

/** Splits `text` at `cuts` and reads it; the message, or `undefined` when it never ended, and what follows it. */
function read(text: string, cuts: readonly number[]): { message: string | undefined; rest: string } {
  const reader = new DotReader();
  const places = [...new Set(cuts.map((c) => c % (text.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...places, text.length];
  let message = "";
  for (let i = 1; i < edges.length; i++) {
    const chunk = Buffer.from(text.slice(edges[i - 1], edges[i]), "latin1");
    const stop = reader.read(chunk, 0);
    message += reader.pieces.map((piece) => piece.toString("latin1")).join("");
    if (reader.ended) return { message, rest: chunk.toString("latin1", stop) + text.slice(edges[i]) };
  }
  return { message: undefined, rest: "" };
}

/** RFC 5321 §4.5.2 as plainly as it can be written: split at CRLF, drop a leading dot, stop at a lone one. */
function naive(text: string): { message: string | undefined; rest: string } {
  const lines = text.split("\r\n");
  const end = lines.indexOf(".");
  if (end === -1 || end === lines.length - 1) return { message: undefined, rest: "" };
  const message = lines
    .slice(0, end)
    .map((line) => `${line.replace(/^\./, "")}\r\n`)
    .join("");
  return { message, rest: lines.slice(end + 1).join("\r\n") };
}

const table: readonly { name: string; given: string; message: string | undefined; rest?: string }[] = [
  { name: "a plain message", given: "a\r\nb\r\n.\r\n", message: "a\r\nb\r\n" },
  { name: "an empty message", given: ".\r\n", message: "" },
  { name: "what is pipelined after it", given: "a\r\n.\r\nQUIT\r\n", message: "a\r\n", rest: "QUIT\r\n" },
  { name: "stuffed dots", given: "..a\r\n...\r\n..\r\n.\r\n", message: ".a\r\n..\r\n.\r\n" },
  { name: "a dot that was not stuffed", given: ".a\r\n.\r\n", message: "a\r\n" },
  { name: "LF . LF is no end", given: "a\n.\nb\r\n.\r\n", message: "a\n.\nb\r\n" },
  { name: "LF . CRLF is no end", given: "a\n.\r\nb\r\n.\r\n", message: "a\n.\r\nb\r\n" },
  { name: "CRLF . LF is no end", given: "a\r\n.\nb\r\n.\r\n", message: "a\r\n\nb\r\n" },
  { name: "CRLF . CR is no end", given: "a\r\n.\rb\r\n.\r\n", message: "a\r\n\rb\r\n" },
  { name: "CR . CR is no end", given: "a\r.\rb\r\n.\r\n", message: "a\r.\rb\r\n" },
  { name: "CR . CRLF is no end", given: "a\r.\r\nb\r\n.\r\n", message: "a\r.\r\nb\r\n" },
  { name: "CRLF . CR CRLF is no end", given: "a\r\n.\r\r\n.\r\n", message: "a\r\n\r\r\n" },
  { name: "NUL octets pass", given: "a\0\r\n\0.\r\n.\r\n", message: "a\0\r\n\0.\r\n" },
  { name: "no end", given: "a\r\n.", message: undefined },
];
for (const { name, given, message, rest = "" } of table)
  test(`${name}, whole and octet by octet`, () => {
    const octets = Array.from({ length: given.length }, (_, i) => i);
    assert.deepEqual(read(given, []), { message, rest: message === undefined ? "" : rest });
    assert.deepEqual(read(given, octets), read(given, []));
    assert.deepEqual(naive(given), read(given, []));
  });

test("however a stream is split, the reader agrees with a naive one", () => {
  const text = fc
    .array(fc.constantFrom("\r", "\n", ".", "a", "\r\n", "\r\n.", "\r\n.\r", "\r\n..", "bcdefg"), {
      maxLength: 24,
    })
    .map((parts) => `${parts.join("")}\r\n.\r\nrest`);
  fc.assert(
    fc.property(text, fc.array(fc.nat(80), { maxLength: 12 }), (given, cuts) => {
      assert.deepEqual(read(given, cuts), naive(given));
    }),
    { numRuns: 20_000 },
  );
});

test("a chunk without dots is handed on as it is, not copied", () => {
  const reader = new DotReader();
  const chunk = Buffer.from("one\r\ntwo\r\n");
  assert.equal(reader.read(chunk, 0), chunk.length);
  assert.equal(reader.pieces[0], chunk);
});
