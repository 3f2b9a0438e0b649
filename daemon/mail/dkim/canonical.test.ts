import assert from "node:assert/strict";
import { test } from "node:test";
import { relaxedField } from "./canonical.ts";

const fields = [
  ["A: X\r\n", "a:X"],
  ["B : Y\t\r\n\tZ  \r\n", "b:Y Z"], // RFC 6376 §3.4.5
  ["Subject:\r\n  folded\r\n", "subject:folded"],
  ["Empty:\r\n", "empty:"],
  ["To: a:b\r\n", "to:a:b"],
] as const;
for (const [field, want] of fields)
  test(`the relaxed field of ${JSON.stringify(field)}`, () => assert.equal(relaxedField(field), want));
