import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TopCutter } from "./top.ts";

function top(lines: number, chunks: readonly string[]): { text: string; done: boolean } {
  const cutter = new TopCutter(lines);
  let text = "";
  for (const chunk of chunks)
    text += Buffer.from(cutter.cut(Buffer.from(chunk, "latin1"))).toString("latin1");
  return { text, done: cutter.done };
}

const header = "Subject: a\r\nTo: b\r\n\r\n";
const cases: readonly (readonly [what: string, lines: number, chunks: readonly string[], want: string])[] = [
  ["the header and the empty line", 0, [`${header}one\r\ntwo\r\n`], header],
  ["one line", 1, [`${header}one\r\ntwo\r\n`], `${header}one\r\n`],
  ["more lines than there are", 9, [`${header}one\r\n`], `${header}one\r\n`],
  ["no body", 3, ["Subject: a\r\n"], "Subject: a\r\n"],
  ["no header", 1, ["\r\none\r\ntwo\r\n"], "\r\none\r\n"],
  ["an empty line in pieces", 0, ["Subject: a\r", "\n", "\r", "\n", "one\r\n"], "Subject: a\r\n\r\n"],
  ["lone LFs", 1, ["Subject: a\n\none\ntwo\n"], "Subject: a\n\none\n"],
  ["empty lines count", 2, [`${header}\r\n\r\n\r\nx`], `${header}\r\n\r\n`],
  ["a line of the body without end", 1, [`${header}one`], `${header}one`],
];

for (const [what, lines, chunks, want] of cases)
  test(what, () => assert.equal(top(lines, chunks).text, want));

test("the end is known at once, so that nothing more is read", () => {
  assert.ok(top(0, [header]).done);
  assert.ok(!top(1, [header]).done);
  assert.ok(top(1, [`${header}one\r\n`]).done);
});

test("splitting changes nothing, and what is shown is how the message begins", () => {
  const parts = fc.array(fc.constantFrom("a", "\r\n", "\n", "\r", "\r\n\r\n"), { maxLength: 25 });
  fc.assert(
    fc.property(parts, fc.nat(4), (chunks, lines) => {
      const whole = chunks.join("");
      const { text } = top(lines, chunks);
      assert.equal(text, top(lines, [whole]).text);
      assert.ok(whole.startsWith(text));
      const body = /^\r?\n|\n\r?\n/.exec(whole);
      if (!body) return assert.equal(text, whole);
      const shown = text.slice(body.index + body[0].length).split("\n").length - 1;
      const there = whole.slice(body.index + body[0].length).split("\n").length - 1;
      assert.equal(shown, Math.min(lines, there));
    }),
  );
});
