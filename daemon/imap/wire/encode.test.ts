import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Cursor } from "./cursor.ts";
import { dateTime, parseDate, parseDateTime } from "./dates.ts";
import { mailboxName, ranges, string } from "./encode.ts";
import { decodeUtf7, encodeUtf7 } from "./utf7.ts";

const strings = [
  ["plain", false, '"plain"'],
  ["", false, '""'],
  ['quo"te\\', false, '"quo\\"te\\\\"'],
  ["grün", false, "{5}\r\ngrün"],
  ["grün", true, '"grün"'],
  ["a\r\nb", true, "{4}\r\na\r\nb"],
  ["tab\t", true, "{4}\r\ntab\t"],
  ["nul\0", false, "{3}\r\nnul"],
] as const;

for (const [text, utf8, want] of strings)
  test(`${JSON.stringify(text)} becomes ${JSON.stringify(want)}${utf8 ? " for who speaks UTF-8" : ""}`, () =>
    assert.equal(string(text, utf8), want));

test("long text becomes a literal", () => {
  assert.match(string("x".repeat(5_000), false), /^\{5000\}\r\nx/);
});

test("what is quoted is read back", () => {
  const limits = { nesting: 10, listItems: 10 };
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab"\\ {}%*ü€\u{1f600}'), maxLength: 50 }), (text) => {
      const wire = Buffer.from(string(text, true)).toString("latin1");
      assert.equal(new Cursor(wire, 0, [], limits).string(), text);
    }),
  );
});

test("ranges are as short as can be", () => {
  assert.equal(ranges([]), "");
  assert.equal(ranges([7]), "7");
  assert.equal(ranges([1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
});

const names = [
  ["INBOX", "INBOX"],
  ["Entwürfe", "Entw&APw-rfe"],
  ["a&b", "a&-b"],
  ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
  ["\u{1f600}", "&2D3eAA-"],
] as const;

for (const [name, wire] of names)
  test(`the name ${name} is written ${wire}`, () => {
    assert.equal(encodeUtf7(name), wire);
    assert.equal(decodeUtf7(wire), name);
    assert.equal(mailboxName(name, false), `"${wire}"`);
  });

for (const wire of ["&", "a&b", "&AGE-", "&2D0-", "&U,B", "&!!!-", "gr\xfcn", "&AAA-", "&AGEAYg-", "&ImIDkQ"])
  test(`${JSON.stringify(wire)} is no modified UTF-7`, () => assert.equal(decodeUtf7(wire), undefined));

test("every name comes back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (name) => {
      fc.pre(name.isWellFormed() && !/[\p{Cc}\ufffe]/u.test(name));
      assert.equal(decodeUtf7(encodeUtf7(name)), name);
    }),
  );
});

test("dates are told and read alike", () => {
  assert.equal(dateTime(Date.UTC(2026, 10, 5, 9, 8, 7)), " 5-Nov-2026 09:08:07 +0000");
  assert.equal(parseDateTime(" 5-Nov-2026 10:08:07 +0100"), Date.UTC(2026, 10, 5, 9, 8, 7));
  assert.equal(parseDateTime("05-nov-2026 04:38:07 -0430"), Date.UTC(2026, 10, 5, 9, 8, 7));
  assert.equal(parseDate("29-Feb-2024"), Date.UTC(2024, 1, 29));
  assert.equal(parseDate("1-Jan-0070"), Date.parse("0070-01-01T00:00:00Z"));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), (s) =>
      assert.equal(parseDateTime(dateTime(s * 1_000)), s * 1_000),
    ),
  );
});

for (const text of [
  "30-Feb-2026 00:00:00 +0000",
  "1-Foo-2026 00:00:00 +0000",
  "1-Jan-2026",
  "1-Jan-2026 24:00:00 +0000",
  "",
])
  test(`${JSON.stringify(text)} is no date and time`, () => assert.equal(parseDateTime(text), undefined));

for (const text of ["31-Apr-2026", "0-Jan-2026", "1-Jan-26", "x"])
  test(`${text} is no date`, () => assert.equal(parseDate(text), undefined));
