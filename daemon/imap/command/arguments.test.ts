import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal } from "../answer.ts";
import { Cursor } from "../wire/cursor.ts";
import { fetchItems } from "./fetch-items.ts";
import { asksModseq, charsetDecoder, searchProgram } from "./search-keys.ts";
import { largest, sequenceSet } from "./sequence-set.ts";

const at = (text: string) => new Cursor(text, 0, [], { nesting: 20, listItems: 100 });
const refused = (run: () => unknown, status = "BAD") =>
  assert.throws(run, (error) => error instanceof Refusal && error.answer.status === status);

const sets = [
  ["1", [[1, 1]]],
  [
    "4:2,7",
    [
      [2, 4],
      [7, 7],
    ],
  ],
  ["*", [[largest, largest]]],
  ["5:*", [[5, largest]]],
  ["*:5", [[5, largest]]],
] as const;

for (const [text, ranges] of sets)
  test(`the set ${text}`, () => assert.deepEqual(sequenceSet(at(text)), { kind: "ranges", ranges }));

test("$ is what was saved", () => assert.deepEqual(sequenceSet(at("$")), { kind: "saved" }));

for (const text of ["", "0", "1:", ":1", "1,,2", "1:2:3", "4294967296", "x", "1,"])
  test(`${JSON.stringify(text)} is no set`, () => refused(() => sequenceSet(at(text))));

const labels = (text: string) =>
  fetchItems(at(text)).map((item) =>
    item.kind === "simple" ? item.name : item.kind === "lazyPreview" ? "lazy" : item.label,
  );

const items = [
  ["FAST", ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]],
  ["full", ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"]],
  ["(uid Flags)", ["UID", "FLAGS"]],
  ["BODY[]", ["BODY[]"]],
  ["body.peek[header]<10.20>", ["BODY[HEADER]<10>"]],
  ["BODY[1.2.MIME]", ["BODY[1.2.MIME]"]],
  ['BODY[3.HEADER.FIELDS (from "to")]', ["BODY[3.HEADER.FIELDS (FROM TO)]"]],
  ["BODY[HEADER.FIELDS.NOT (X-Y)]", ["BODY[HEADER.FIELDS.NOT (X-Y)]"]],
  ["(RFC822 RFC822.HEADER RFC822.TEXT)", ["RFC822", "RFC822.HEADER", "RFC822.TEXT"]],
  ["BINARY.PEEK[1]<0.5>", ["BINARY[1]<0>"]],
  ["BINARY.SIZE[2.1]", ["BINARY.SIZE[2.1]"]],
  ["(PREVIEW (LAZY) PREVIEW UID)", ["lazy", "PREVIEW", "UID"]],
  ["(EMAILID THREADID SAVEDATE MODSEQ)", ["EMAILID", "THREADID", "SAVEDATE", "MODSEQ"]],
] as const;

for (const [text, want] of items) test(`FETCH ${text}`, () => assert.deepEqual(labels(text), want));

for (const text of [
  "",
  "()",
  "NONSENSE",
  "BODY[MIME]",
  "BODY[0]",
  "BODY[1.]",
  "BODY[HEADER.FIELDS]",
  "BODY[HEADER.FIELDS ()]",
  "BODY[]<0.0>",
  "BODY[]<5>",
  "BODY[",
  "FLAGS[]",
  "(FAST)",
  "PREVIEW (EAGER)",
])
  test(`FETCH ${text} is refused`, () => refused(() => fetchItems(at(text))));

test("only BODY without PEEK marks", () => {
  const marks = (text: string) => fetchItems(at(text)).map((item) => "marks" in item && item.marks);
  assert.deepEqual(marks("(BODY[] BODY.PEEK[] RFC822 RFC822.HEADER BINARY[1] BINARY.PEEK[1])"), [
    true,
    false,
    true,
    false,
    true,
    false,
  ]);
});

const program = (text: string, charset = "UTF-8") => searchProgram(at(text), charsetDecoder(charset));
const flag = (name: string, set: boolean) => ({ kind: "flag", flag: `\\${name}`, set });

const programs = [
  ["ALL", { kind: "all" }],
  ["UNSEEN DELETED", { kind: "and", keys: [flag("Seen", false), flag("Deleted", true)] }],
  [
    "OR SEEN NOT ANSWERED",
    { kind: "or", either: flag("Seen", true), other: { kind: "not", key: flag("Answered", true) } },
  ],
  ["(FLAGGED)", { kind: "and", keys: [flag("Flagged", true)] }],
  ['SUBJECT "a b"', { kind: "header", name: "subject", text: "a b" }],
  ["HEADER X-Spam yes", { kind: "header", name: "x-spam", text: "yes" }],
  ["SENTSINCE 1-Feb-1994", { kind: "date", of: "sent", when: "since", day: Date.UTC(1994, 1, 1) }],
  ['SAVEDON "1-Feb-1994"', { kind: "date", of: "saved", when: "on", day: Date.UTC(1994, 1, 1) }],
  ["LARGER 10", { kind: "size", than: "larger", octets: 10 }],
  ["YOUNGER 60", { kind: "within", than: "younger", seconds: 60 }],
  ["KEYWORD $Junk", { kind: "flag", flag: "$Junk", set: true }],
  ['MODSEQ "/flags/\\\\draft" all 7', { kind: "modseq", modseq: 7 }],
  ["2:3", { kind: "numbers", uid: false, set: { kind: "ranges", ranges: [[2, 3]] } }],
  ["UID $", { kind: "numbers", uid: true, set: { kind: "saved" } }],
] as const;

for (const [text, want] of programs) test(`SEARCH ${text}`, () => assert.deepEqual(program(text), want));

for (const text of [
  "",
  "NONSENSE",
  "OR SEEN",
  "NOT",
  "SUBJECT",
  "LARGER x",
  "ON 31-Feb-2026",
  "(SEEN",
  "SEEN ",
  `${"NOT ".repeat(30)}ALL`,
])
  test(`SEARCH ${text.slice(0, 20)} is refused`, () => refused(() => program(text)));

test("texts are read in the client's charset", () => {
  assert.deepEqual(program('TEXT "gr\xfcn"', "ISO-8859-1"), { kind: "text", text: "grün" });
  assert.deepEqual(program('TEXT "gr\xc3\xbcn"'), { kind: "text", text: "grün" });
  refused(() => program('TEXT "gr\xfcn"'));
  refused(() => charsetDecoder("KLINGON"), "NO");
});

test("who asks for mod-sequences is told them", () => {
  assert.equal(asksModseq(program("OR SEEN NOT (MODSEQ 5)")), true);
  assert.equal(asksModseq(program("OR SEEN ANSWERED")), false);
});
