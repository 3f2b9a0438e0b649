import assert from "node:assert/strict";
import { test } from "node:test";
import * as der from "./der.ts";

const hex = (octets: Uint8Array) => Buffer.from(octets).toString("hex");
const bytes = (text: string) => Buffer.from(text, "hex");

const table: readonly { name: string; given: Uint8Array; want: string }[] = [
  { name: "an empty sequence", given: der.sequence(), want: "3000" },
  { name: "a set", given: der.set(der.boolean(true)), want: "31030101ff" },
  { name: "false", given: der.boolean(false), want: "010100" },
  { name: "a text", given: der.utf8String("ü"), want: "0c02c3bc" },
  { name: "a bit string", given: der.bitString(bytes("0102")), want: "0303000102" },
  { name: "zero", given: der.integer(bytes("00")), want: "020100" },
  { name: "a small number", given: der.integer(bytes("00007f")), want: "02017f" },
  { name: "a number whose first bit is set", given: der.integer(bytes("80")), want: "02020080" },
  { name: "an object id", given: der.objectId("1.2.840.10045.4.3.2"), want: "06082a8648ce3d040302" },
  { name: "an object id of one octet an arc", given: der.objectId("2.5.4.3"), want: "0603550403" },
  { name: "an explicit tag", given: der.explicit(3, der.boolean(true)), want: "a3030101ff" },
  { name: "an implicit tag", given: der.implicit(2, bytes("61")), want: "820161" },
  {
    name: "a time until 2049",
    given: der.time(Date.UTC(2049, 11, 31, 23, 59, 59)),
    want: `170d${hex(Buffer.from("491231235959Z"))}`,
  },
  {
    name: "a time from 2050 on",
    given: der.time(Date.UTC(2050, 0, 1)),
    want: `180f${hex(Buffer.from("20500101000000Z"))}`,
  },
];
for (const { name, given, want } of table) test(name, () => assert.equal(hex(given), want));

const lengths: readonly (readonly [octets: number, head: string])[] = [
  [127, "047f"],
  [128, "048180"],
  [255, "0481ff"],
  [256, "04820100"],
  [65_535, "0482ffff"],
];
for (const [octets, head] of lengths)
  test(`a length of ${octets}`, () => {
    assert.equal(hex(der.octetString(Buffer.alloc(octets))).slice(0, head.length), head);
  });
