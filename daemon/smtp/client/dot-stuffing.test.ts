import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BareNewline, DotStuffer, plainWhole, stuffWhole } from "./dot-stuffing.ts";

/** Line by line, as RFC 5321 §4.5.2 puts it. */
function reference(message: string): string {
  const whole = message === "" || message.endsWith("\r\n") ? message : `${message}\r\n`;
  const lines = whole.split("\r\n").slice(0, -1);
  return [...lines.map((line) => (line.startsWith(".") ? `.${line}` : line)), ".", ""].join("\r\n");
}

function streamed(chunks: readonly Uint8Array[]): string {
  const stuffer = new DotStuffer();
  const sent = chunks.map((chunk) => stuffer.push(chunk));
  return Buffer.concat([...sent, stuffer.end()]).toString("latin1");
}

/** Cuts octets at these places. */
function cut(octets: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (octets.length + 1)), octets.length].sort((a, b) => a - b);
  return ends.map((end, at) => octets.subarray(at === 0 ? 0 : ends[at - 1], end));
}

const table = [
  { name: "nothing", given: "", want: ".\r\n" },
  { name: "plain lines", given: "a\r\nb\r\n", want: "a\r\nb\r\n.\r\n" },
  { name: "no last line end", given: "a", want: "a\r\n.\r\n" },
  { name: "a dot at the very start", given: ".a\r\n", want: "..a\r\n.\r\n" },
  { name: "a lone dot", given: ".", want: "..\r\n.\r\n" },
  { name: "a line of one dot", given: "a\r\n.\r\nb\r\n", want: "a\r\n..\r\nb\r\n.\r\n" },
  { name: "dot lines in a row", given: ".\r\n.\r\n..\r\n", want: "..\r\n..\r\n...\r\n.\r\n" },
  { name: "dots within lines", given: "a.b.\r\nc .\r\n", want: "a.b.\r\nc .\r\n.\r\n" },
  { name: "empty lines", given: "\r\n\r\n", want: "\r\n\r\n.\r\n" },
  { name: "octets above 127", given: "\xe9\r\n.\xff\r\n", want: "\xe9\r\n..\xff\r\n.\r\n" },
] as const;

for (const { name, given, want } of table) {
  test(`stuffs ${name}`, () => {
    const octets = Buffer.from(given, "latin1");
    assert.equal(reference(given), want, "the reference agrees");
    assert.equal(stuffWhole(octets).toString("latin1"), want);
    const single = Array.from(octets, (_, at) => octets.subarray(at, at + 1));
    assert.equal(streamed(single), want, "octet by octet");
  });
}

const part = fc.constantFrom("\r\n", ".", "..", "\r\n.", "\r\n.\r\n", "text", "é", "");

test("any message, split anywhere, is sent as line-by-line stuffing would send it", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, places) => {
      const message = Buffer.from(parts.join(""), "utf8");
      const want = reference(message.toString("latin1"));
      assert.equal(streamed(cut(message, places)), want);
      assert.equal(stuffWhole(message).toString("latin1"), want);
    }),
    { numRuns: 3_000 },
  );
});

test("a bare CR or LF anywhere is refused, and never handed out", () => {
  const pieces = fc.array(part, { maxLength: 12 });
  const bare = fc.constantFrom("\r", "\n", "\n\r", "\r\r\n", "\n.\n", "\r.\r\n", "\r.", "\n\r\n");
  const safe = (text: string): boolean => /^(?:[^\r\n]|\r\n)*$/.test(text);
  fc.assert(
    fc.property(
      pieces,
      bare,
      pieces,
      fc.array(fc.nat(), { maxLength: 6 }),
      (before, offence, after, places) => {
        // Text around it, so that it cannot become a CRLF with its neighbours.
        const message = Buffer.from(`${before.join("")}x${offence}x${after.join("")}`, "utf8");
        const stuffer = new DotStuffer();
        const sent: Buffer[] = [];
        const run = () => {
          for (const chunk of cut(message, places)) sent.push(stuffer.push(chunk));
          sent.push(stuffer.end());
        };
        assert.throws(run, BareNewline);
        assert.ok(safe(Buffer.concat(sent).toString("latin1")));
        assert.throws(() => stuffWhole(message), BareNewline);
        assert.throws(() => plainWhole(message), BareNewline);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("a CR at the very end is refused", () =>
  assert.throws(() => stuffWhole(Buffer.from("a\r")), BareNewline));

test("a chunk without dot lines is not copied", () => {
  const chunk = Buffer.from("one\r\ntwo.\r\n");
  assert.equal(new DotStuffer().push(chunk), chunk);
  const view = new Uint8Array(chunk);
  assert.equal(new DotStuffer().push(view).buffer, view.buffer);
});

test("for BDAT a message stays as it is, but for a missing last line end", () => {
  const message = Buffer.from(".a\r\n..\r\n");
  assert.equal(plainWhole(message), message);
  assert.equal(plainWhole(Buffer.from(".a")).toString(), ".a\r\n");
  assert.equal(plainWhole(Buffer.alloc(0)).length, 0);
});
