import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotStuffer } from "./stuffing.ts";

function stuff(chunks: readonly string[]): string {
  const stuffer = new DotStuffer();
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) stuffer.push(Buffer.from(chunk, "latin1"), (piece) => parts.push(piece));
  parts.push(stuffer.end());
  return Buffer.concat(parts).toString("latin1");
}

const cases: readonly (readonly [what: string, chunks: readonly string[], want: string])[] = [
  ["nothing", [], ".\r\n"],
  ["one line", ["one\r\n"], "one\r\n.\r\n"],
  ["no last line end", ["one"], "one\r\n.\r\n"],
  ["a CR at the end", ["one\r"], "one\r\n.\r\n"],
  ["a dot at the start", [".one\r\n"], "..one\r\n.\r\n"],
  ["a dot alone", ["a\r\n.\r\nb\r\n"], "a\r\n..\r\nb\r\n.\r\n"],
  ["dots within a line", ["a.b\r\n"], "a.b\r\n.\r\n"],
  ["two dots", ["\r\n..\r\n"], "\r\n...\r\n.\r\n"],
  ["a dot that opens the next chunk", ["a\r\n", ".b\r\n"], "a\r\n..b\r\n.\r\n"],
  ["a dot behind a line that goes on", ["a", ".b\r\n"], "a.b\r\n.\r\n"],
  ["a CRLF in two chunks", ["a\r", "\n", ".b"], "a\r\n..b\r\n.\r\n"],
  ["a dot behind a lone LF", ["a\n.\nb\r\n"], "a\n..\nb\r\n.\r\n"],
  ["empty chunks", ["", "a\r\n", "", ".", ""], "a\r\n..\r\n.\r\n"],
];

for (const [what, chunks, want] of cases) test(what, () => assert.equal(stuff(chunks), want));

/** As a client that ends lines at LF, with or without CR, reads a multi-line response. */
function unstuff(text: string): string {
  const lines = text.split("\n");
  const end = lines.indexOf(".\r");
  assert.equal(end, lines.length - 2, "the message ends where it ends, not before");
  return lines
    .slice(0, end)
    .map((line) => `${line.startsWith(".") ? line.slice(1) : line}\n`)
    .join("");
}

test("a client reads back what was sent, however it was split", () => {
  const texts = fc.array(fc.constantFrom(".", "\r\n", "\n", "\r", "a", "..", "\r\n.\r\n"), { maxLength: 30 });
  fc.assert(
    fc.property(texts, (chunks) => {
      const whole = chunks.join("");
      const ended =
        whole === "" || whole.endsWith("\n") ? whole : whole.endsWith("\r") ? `${whole}\n` : `${whole}\r\n`;
      assert.equal(unstuff(stuff(chunks)), ended);
      assert.equal(stuff([whole]), stuff(chunks));
    }),
  );
});

test("a chunk without such a line is passed on uncopied", () => {
  const chunk = Buffer.from("one\r\ntwo\r\n");
  const pieces: Uint8Array[] = [];
  new DotStuffer().push(chunk, (piece) => pieces.push(piece));
  assert.deepEqual(pieces.length, 1);
  assert.equal(pieces[0]?.buffer, chunk.buffer);
  assert.equal(pieces[0]?.byteOffset, chunk.byteOffset);
});
