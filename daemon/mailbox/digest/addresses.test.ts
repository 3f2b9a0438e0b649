import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addresses } from "./addresses.ts";
import { valued } from "./parameters.ts";

const cases = [
  ["a@b.example", [[null, "a", "b.example"]]],
  ["Ann B. <a@b.example>", [["Ann B.", "a", "b.example"]]],
  [
    '"B, Ann" <a@b>, c@d (Cee)',
    [
      ["B, Ann", "a", "b"],
      ["Cee", "c", "d"],
    ],
  ],
  ['"quoted local"@b', [[null, "quoted local", "b"]]],
  ["<@r1,@r2:a@b>", [[null, "a", "b"]]],
  [
    "Friends: a@b, c@d;, e@f",
    [
      [null, "Friends", null],
      [null, "a", "b"],
      [null, "c", "d"],
      [null, null, null],
      [null, "e", "f"],
    ],
  ],
  [
    "undisclosed-recipients:;",
    [
      [null, "undisclosed-recipients", null],
      [null, null, null],
    ],
  ],
  ["nonsense", [[null, "nonsense", ""]]],
  [" , ,", []],
  ["=?utf-8?q?=C3=A4?= <a@b>", [["=?utf-8?q?=C3=A4?=", "a", "b"]]],
] as const;
for (const [text, want] of cases)
  test(`addresses of ${text}`, () =>
    assert.deepEqual(
      addresses(text).map(({ name, local, host }) => [name, local, host]),
      want,
    ));

test("any text gives a bounded list, with every group closed", () => {
  const text = fc.array(fc.constantFrom("a", "@", "<", ">", ",", ";", ":", '"', "(", ")", "\\", " "), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const found = addresses(parts.join(""));
      assert.ok(found.length <= 82);
      const begun = found.filter(({ local, host }) => host === null && local !== null).length;
      assert.equal(begun, found.filter(({ local, host }) => host === null && local === null).length);
    }),
  );
  assert.ok(addresses("a@b,".repeat(5_000)).length <= 201);
});

const values = [
  [
    "text/plain; charset=UTF-8; format=flowed",
    "text/plain",
    [
      ["charset", "UTF-8"],
      ["format", "flowed"],
    ],
  ],
  ['a/b; name="x; y" (comment)', "a/b", [["name", "x; y"]]],
  ["attachment; filename*0=a; filename*1=b", "attachment", [["filename", "ab"]]],
  ["attachment; filename*=iso-8859-1'de'%E4", "attachment", [["filename", "ä"]]],
  ["attachment; filename*0*=utf-8''%E2%82; filename*1=x", "attachment", [["filename", "\ufffdx"]]],
  ["; ; =x", "", []],
] as const;
for (const [text, value, parameters] of values)
  test(`value and parameters of ${text}`, () => assert.deepEqual(valued(text), { value, parameters }));
