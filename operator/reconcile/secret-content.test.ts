import assert from "node:assert/strict";
import { test } from "node:test";
import { garbled, lacking, secretOf } from "./secret-content.ts";

const content = new Map([
  ["word", Buffer.from("correct horse\r\n")],
  ["two", Buffer.from("a\nb\n\n")],
  ["empty", Buffer.alloc(0)],
  ["line", Buffer.from("\n")],
  ["octets", Buffer.from([0xff, 0xfe, 0x00])],
]);

test("one final line end is cut off, and what is no text is not there", () => {
  const { data } = secretOf("ns", "s", content);
  assert.deepEqual(Object.fromEntries(data), { word: "correct horse", two: "a\nb\n", empty: "", line: "" });
});

test("each key that is wanted and lacks is named with its remedy", () => {
  assert.deepEqual(lacking("s", ["word", "octets"], content), []);
  assert.deepEqual(lacking("s", ["empty", "line", "none"], content), [
    "key empty of Secret s is empty; put a value there",
    "key line of Secret s is empty; put a value there",
    "Secret s has no key none (its keys: word, two, empty, line, octets); add it, or correct the key",
  ]);
  assert.deepEqual(lacking("s", ["word"], undefined), ["there is no Secret s; add it, or correct the name"]);
});

test("a key that is no text is named; others of the Secret are no matter", () => {
  assert.deepEqual(garbled(["word", "octets", "none"], content), [
    "key octets is no text in UTF-8; write it anew",
  ]);
  assert.deepEqual(garbled(["word"], content), []);
});
