import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64 } from "./base64.ts";

test("every sequence of octets comes back", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      assert.deepEqual(decodeBase64(Buffer.from(octets).toString("base64")), Buffer.from(octets));
    }),
  );
});

for (const text of ["a", "ab", "abc", "ab=", "====", "abcd=", "ab cd", "ab\r\ncd", "YWJj!", "YWJ-", "YW=j"])
  test(`${JSON.stringify(text)} is none`, () => assert.equal(decodeBase64(text), undefined));
