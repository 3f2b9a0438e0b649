import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asciiLine, fold, oneLine } from "./text.ts";

const lines = [
  { name: "plain text stays", text: "no such user", max: 40, want: "no such user" },
  { name: "line ends become spaces", text: "one\r\ntwo\nthree", max: 40, want: "one two three" },
  { name: "a header cannot follow", text: "x\r\nBcc: <a@b>", max: 40, want: "x Bcc: <a@b>" },
  { name: "escape sequences lose their escape", text: "\u001b[31mred", max: 40, want: "[31mred" },
  { name: "direction overrides go", text: "a\u202egnp.exe", max: 40, want: "a gnp.exe" },
  {
    name: "other scripts stay",
    text: "Postfach voll: прывітанне",
    max: 40,
    want: "Postfach voll: прывітанне",
  },
  { name: "a line separator is a line end", text: "a\u2028b", max: 40, want: "a b" },
  { name: "half a surrogate pair is replaced", text: "a\ud800b", max: 40, want: "a\ufffdb" },
  { name: "long text ends in an ellipsis", text: "abcdefghij", max: 5, want: "abcd…" },
  { name: "a surrogate pair is not cut to half", text: "abc😀def", max: 5, want: "abc\ufffd…" },
];
for (const { name, text, max, want } of lines) test(name, () => assert.equal(oneLine(text, max), want));

test("whatever comes in, one printable line of bounded length comes out", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.integer({ min: 4, max: 60 }),
      (text, max) => {
        const line = oneLine(text, max);
        assert.ok(line.length <= max && line.isWellFormed());
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        const ascii = asciiLine(text, max);
        assert.match(ascii, /^[ -~]*$/);
        assert.ok(ascii.length <= max);
      },
    ),
  );
});

test("ASCII text masks what is not ASCII, one mark a character", () =>
  assert.equal(asciiLine("Größe 😀", 20), "Gr??e ?"));

test("folding keeps every word and each line within the width, unless one word is wider", () => {
  const words = fc.array(fc.stringMatching(/^[a-z<>]{1,30}$/), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(words, (given) => {
      const folded = fold(given, 20, "\r\n", "\t");
      assert.deepEqual(folded.split(/\r\n\t| /), given);
      for (const line of folded.split("\r\n")) assert.ok(line.length <= 20 || !line.trim().includes(" "));
    }),
  );
});
