import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal } from "../answer.ts";
import { Cursor } from "./cursor.ts";

const at = (text: string, ...literals: string[]) =>
  new Cursor(
    text,
    0,
    literals.map((l) => Buffer.from(l)),
    { nesting: 3, listItems: 4 },
  );

const bad = (run: () => unknown) =>
  assert.throws(run, (error) => error instanceof Refusal && error.answer.status === "BAD");

test("atoms end where the grammar says", () => {
  for (const [text, want] of [
    ["abc def", "abc"],
    ["a(b", "a"],
    ["a)b", "a"],
    ['a"b', "a"],
    ["$Junk]", "$Junk"],
  ] as const)
    assert.equal(at(text).atom(), want);
  for (const text of ["", " a", "(a", "*", "%", '"a"', "\\Seen", "ü"]) bad(() => at(text).atom());
});

test("astrings: atoms with ], quoted, literal", () => {
  assert.equal(at("a]b c").astring(), "a]b");
  assert.equal(at('"a \\"b\\" \\\\"').astring(), 'a "b" \\');
  assert.equal(at("\0", "lit er\r\nal").astring(), "lit er\r\nal");
  assert.equal(at(Buffer.from('"grün"').toString("latin1")).astring(), "grün");
  bad(() => at('"open').astring());
  bad(() => at('"bad \\n escape"').astring());
  bad(() => at('"\xfc"').astring());
  bad(() => at("\0").astring());
});

test("nstring and string", () => {
  assert.equal(at("NIL").nstring(), undefined);
  assert.equal(at("nil)").nstring(), undefined);
  assert.equal(at('"NIL"').nstring(), "NIL");
  bad(() => at("NILS").nstring());
  bad(() => at("atom").string());
});

test("numbers stay within what is exact", () => {
  assert.equal(at("9007199254740991").number(), 9_007_199_254_740_991);
  bad(() => at("9007199254740993").number());
  bad(() => at("x").number());
});

test("lists: items with one space between them, within limits", () => {
  const words = (text: string) => {
    const cursor = at(text);
    return cursor.list(() => cursor.atom());
  };
  assert.deepEqual(words("()"), []);
  assert.deepEqual(words("(a b c d)"), ["a", "b", "c", "d"]);
  for (const text of ["(a  b)", "(a b", "(a b c d e)", "a", "( a)"]) bad(() => words(text));
  const nested = (cursor: Cursor): unknown =>
    cursor.looksAt("(") ? cursor.list(() => nested(cursor)) : cursor.atom();
  assert.deepEqual(nested(at("((a) (b))")), [["a"], ["b"]]);
  bad(() => nested(at("((((a))))")));
});

test("flags and words", () => {
  assert.equal(at("\\Seen)").flag(), "\\Seen");
  assert.equal(at("kw").flag(), "kw");
  bad(() => at("\\").flag());
  const cursor = at("UNCHANGEDSINCE 5");
  assert.equal(cursor.skipWord("UNCHANGED"), false);
  assert.equal(cursor.skipWord("UNCHANGEDSINCE"), true);
});

test("mailbox names by the session's encoding", () => {
  assert.equal(at("Entw&APw-rfe").mailbox(false), "Entwürfe");
  assert.equal(at("Entw&APw-rfe").mailbox(true), "Entw&APw-rfe");
  assert.equal(at(Buffer.from('"Entwürfe"').toString("latin1")).mailbox(false), "Entwürfe");
  assert.throws(
    () => at('"a&b"').mailbox(false),
    (e) => e instanceof Refusal && e.answer.code === "CANNOT",
  );
  assert.equal(at("a/%* b").pattern(false), "a/%*");
});

test("what is left over is a fault", () => {
  const cursor = at("a b");
  cursor.atom();
  bad(() => cursor.end());
  cursor.space();
  cursor.atom();
  cursor.end();
  bad(() => cursor.space());
});
