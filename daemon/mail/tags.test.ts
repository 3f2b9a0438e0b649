import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTags } from "./tags.ts";

const table = [
  ["v=DKIM1; k=rsa; p=AB", { v: "DKIM1", k: "rsa", p: "AB" }],
  [" a = b ;c=d; ", { a: "b", c: "d" }],
  ["p=", { p: "" }],
  ["b=a=b", { b: "a=b" }],
  ["a=1;a=2", undefined],
  ["a", undefined],
  ["=a", undefined],
  ["1a=b", undefined],
  ["a=b;;c=d", undefined],
] as const;
for (const [text, want] of table) {
  test(`tags of ${JSON.stringify(text)}`, () => {
    const tags = parseTags(text);
    assert.deepEqual(tags && Object.fromEntries(tags), want);
  });
}

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseTags(text)));
});
