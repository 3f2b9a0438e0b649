import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NewlineCheck, Normalizer } from "./newlines.ts";

const accepts = (pieces: readonly string[]): boolean => {
  const check = new NewlineCheck();
  return pieces.every((piece) => check.accepts(Buffer.from(piece, "latin1"))) && check.complete();
};

const normalized = (pieces: readonly string[]): string => {
  const normalizer = new Normalizer();
  const out = pieces.map((piece) => normalizer.convert(Buffer.from(piece, "latin1")).toString("latin1"));
  return out.join("") + (normalizer.finish()?.toString() ?? "");
};

const table: readonly { pieces: readonly string[]; clean: boolean; want: string }[] = [
  { pieces: ["a\r\nb\r\n"], clean: true, want: "a\r\nb\r\n" },
  { pieces: ["a\r", "\nb"], clean: true, want: "a\r\nb" },
  { pieces: ["a\r", "", "\n"], clean: true, want: "a\r\n" },
  { pieces: ["", "plain"], clean: true, want: "plain" },
  { pieces: ["a\nb"], clean: false, want: "a\r\nb" },
  { pieces: ["a\rb"], clean: false, want: "a\r\nb" },
  { pieces: ["a\r", "b"], clean: false, want: "a\r\nb" },
  { pieces: ["a", "\nb"], clean: false, want: "a\r\nb" },
  { pieces: ["a\r"], clean: false, want: "a\r\n" },
  { pieces: ["\r", "\r", "\n"], clean: false, want: "\r\n\r\n" },
  { pieces: ["\n\r"], clean: false, want: "\r\n\r\n" },
  { pieces: ["\r\n\n"], clean: false, want: "\r\n\r\n" },
  { pieces: ["\r\r\n"], clean: false, want: "\r\n\r\n" },
];
for (const { pieces, clean, want } of table)
  test(`line ends of ${JSON.stringify(pieces)}`, () => {
    assert.equal(accepts(pieces), clean);
    assert.equal(normalized(pieces), want);
  });

test("both agree with a plain reading of the whole, however it is split", () => {
  const piece = fc
    .array(fc.constantFrom("\r", "\n", "\r\n", "x", "\u00ff"), { maxLength: 6 })
    .map((p) => p.join(""));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const whole = pieces.join("");
      const want = whole.replace(/\r\n|\r|\n/g, "\r\n");
      assert.equal(accepts(pieces), want === whole);
      assert.equal(normalized(pieces), want);
    }),
    { numRuns: 10_000 },
  );
});

test("a clean piece is not copied", () => {
  const piece = Buffer.from("a\r\nb\r\n");
  assert.equal(new Normalizer().convert(piece), piece);
});
