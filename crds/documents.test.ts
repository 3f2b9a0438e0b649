import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { withDefaults } from "./defaults.ts";
import { readDocuments } from "./documents.ts";
import { canonicalAddress, canonicalDomain, canonicalMatch } from "./names.ts";
import { fieldOf, formatProblem } from "./problem.ts";
import type { Schema } from "./schema.ts";

const read = (text: string) => readDocuments({ file: "x.yaml", text });
const values = (text: string) => read(text).documents.map(({ value }) => value);

test("documents know the line of every value", () => {
  const { documents } = read(
    [
      "# a comment",
      "a: 1",
      "b:",
      "  - c: x",
      "    d: [1,",
      "      2]",
      "---",
      "",
      "e: {f: 1,",
      "  g: 2}",
    ].join("\n"),
  );
  const lines = [
    [0, [], 2],
    [0, ["a"], 2],
    [0, ["b"], 3],
    [0, ["b", 0], 4],
    [0, ["b", 0, "d"], 5],
    [0, ["b", 0, "d", 1], 6],
    [0, ["b", 0, "missing", "deeper"], 4],
    [0, ["b", 7], 3],
    [1, ["e", "f"], 9],
    [1, ["e", "g"], 10],
    [1, ["nothing"], 9],
  ] as const;
  for (const [document, path, line] of lines)
    assert.equal(documents[document]?.lineOf(path), line, fieldOf(path));
});

const scalars = [
  ["Off", false],
  ["on", true],
  ["Yes", true],
  ["n", false],
  ['"Off"', "Off"],
  ["5m", "5m"],
  ["1_000", "1_000"],
  ["2024-01-01", "2024-01-01"],
  ["~", null],
  ["0.5", 0.5],
] as const;

for (const [text, want] of scalars) {
  test(`${text} means the same as to kubectl`, () => assert.deepEqual(values(`a: ${text}`), [{ a: want }]));
}

test("anchors and merge keys work, empty documents are passed over", () => {
  assert.deepEqual(values("---\n---\na: &x {b: 1}\nc: {<<: *x, d: 2}\n---\n# nothing\n"), [
    { a: { b: 1 }, c: { b: 1, d: 2 } },
  ]);
  assert.deepEqual(values(""), []);
});

test("JSON is YAML", () => {
  assert.deepEqual(values(JSON.stringify({ a: ["b", { c: null }] })), [{ a: ["b", { c: null }] }]);
});

test("aliases of aliases do not fill the memory", () => {
  const levels = Array.from({ length: 12 }, (_, i) =>
    i === 0
      ? "a0: &a0 [x, x]"
      : `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
  );
  const { documents, problems } = read(levels.join("\n"));
  assert.deepEqual(documents, []);
  assert.match(problems[0]?.message ?? "", /excessive alias count/i);
});

test("one broken document does not hide the others", () => {
  const { documents, problems } = read("a: 1\n---\nb: [\n---\nc: 3\n");
  assert.deepEqual(
    documents.map(({ value }) => value),
    [{ a: 1 }, { c: 3 }],
  );
  assert.equal(problems.length, 1);
  assert.ok((problems[0]?.line ?? 0) >= 3);
});

test("whatever a file holds, reading it ends, and every problem has a line of the file", () => {
  const line = fc.constantFrom(
    "a: 1",
    "- b",
    "---",
    "  c: [",
    "}",
    "&x",
    "*x",
    "!!int z",
    "\t",
    "? {",
    "'",
    "d: |",
    "%YAML",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(line).map((lines) => lines.join("\n")),
      ),
      (text) => {
        const { documents, problems } = read(text);
        const last = text.split(/\r\n|\n|\r/).length;
        for (const { line } of [...documents, ...problems])
          assert.ok(line >= 1 && line <= last, `${line} of ${last}`);
      },
    ),
  );
});

test("plain values survive the way through a file", () => {
  const value = fc
    .jsonValue({ noUnicodeString: false })
    .filter((one) => typeof one === "object" && one !== null);
  fc.assert(
    fc.property(value, (one) => {
      const read = values(stringify(one, { version: "1.1" }));
      // YAML tells -0 from 0, JSON does not.
      assert.deepEqual(JSON.parse(JSON.stringify(read)), [JSON.parse(JSON.stringify(one))]);
    }),
  );
});

const schema: Schema = {
  type: "object",
  properties: {
    a: { type: "string", default: "x" },
    b: {
      type: "object",
      default: {},
      properties: { c: { type: "integer", default: 1 }, d: { type: "integer" } },
    },
    e: { type: "object", properties: { f: { type: "integer", default: 2 } } },
    g: { type: "array", items: { type: "object", properties: { h: { type: "integer", default: 3 } } } },
  },
};

const defaults = [
  ["nothing given", {}, { a: "x", b: { c: 1 } }],
  ["an empty object inside", { e: {} }, { a: "x", b: { c: 1 }, e: { f: 2 } }],
  ["a null where there is a default", { a: null, b: null }, { a: "x", b: { c: 1 } }],
  ["a null where there is none", { e: null }, { a: "x", b: { c: 1 }, e: null }],
  ["values", { a: "", b: { c: 0, d: 4 } }, { a: "", b: { c: 0, d: 4 } }],
  ["items of a list", { g: [{}, { h: 9 }, 5] }, { a: "x", b: { c: 1 }, g: [{ h: 3 }, { h: 9 }, 5] }],
  ["unknown fields", { z: 1 }, { a: "x", b: { c: 1 }, z: 1 }],
  ["a wrong type", { b: "text" }, { a: "x", b: "text" }],
] as const;

for (const [name, given, want] of defaults) {
  test(`defaults with ${name}`, () => {
    const before = JSON.stringify(given);
    assert.deepEqual(withDefaults(schema, given), want);
    assert.equal(JSON.stringify(given), before, "what was given is not changed");
  });
}

const domains = [
  ["Example.ORG", "example.org"],
  ["B\u00fccher.example", "xn--bcher-kva.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["xn--\u00fc.example", undefined],
  ["mail.123", undefined],
  [`${"a.".repeat(130)}test`, undefined],
] as const;

for (const [text, want] of domains) {
  test(`${text.slice(0, 30)} is the domain ${want}`, () => assert.equal(canonicalDomain(text), want));
}

const addresses = [
  ["Alice@Example.ORG", "alice@example.org"],
  ["\u00c4@B\u00fccher.example", "\u00e4@xn--bcher-kva.example"],
  [`${"a".repeat(64)}@example.org`, `${"a".repeat(64)}@example.org`],
  [`${"a".repeat(65)}@example.org`, undefined],
  [`${"\u00e4".repeat(33)}@example.org`, undefined],
  ["a\u0085b@example.org", undefined],
  ["@example.org", undefined],
  ["example.org", undefined],
] as const;

for (const [text, want] of addresses) {
  test(`${text.slice(0, 30)} is the address ${want?.slice(0, 30)}`, () =>
    assert.equal(canonicalAddress(text), want));
}

test("a match keeps its star", () => {
  assert.equal(canonicalMatch("*.B\u00fccher.example"), "*.xn--bcher-kva.example");
  assert.equal(canonicalMatch("*.7"), undefined);
});

test("problems are formatted like those of a compiler", () => {
  const problem = { file: "a.yaml", line: 3, field: "", message: "odd" };
  assert.equal(formatProblem(problem), "a.yaml:3: odd");
  assert.equal(formatProblem({ ...problem, resource: "Mailbox a/b" }), "a.yaml:3: Mailbox a/b: odd");
  assert.equal(formatProblem({ ...problem, field: "spec.x" }), "a.yaml:3: spec.x: odd");
  assert.equal(fieldOf(["spec", "a b", 0, "c"]), 'spec["a b"][0].c');
});
