import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fields, fieldLimits, partsOf } from "./fields.ts";

const made = (name: string, value: string) => {
  const fields = new Fields();
  fields.add(name, value);
  return fields.all[0];
};

const table = [
  ["X-Spam", "Yes", "X-Spam: Yes\r\n"],
  ["X-Long", "one\n\ttwo\r\n three", "X-Long: one\r\n\ttwo\r\n three\r\n"],
  ["X-Sly", "one\nBcc: eve@far.test", "X-Sly: one\r\n\tBcc: eve@far.test\r\n"],
  ["X-Sly", "one\r\n\r\nbody", "X-Sly: one\r\n\tbody\r\n"],
  ["X-Odd", "gr\u00fc\u0000n", "X-Odd: gr??n\r\n"],
  ["Subject", "other", undefined],
  ["Content-Type", "text/html", undefined],
  ["X-Postfleet-Filter", "all=clean", undefined],
  ["Bad name", "x", undefined],
  ["X:Y", "x", undefined],
] as const;
for (const [name, value, want] of table)
  test(`${name}: ${JSON.stringify(value)}`, () => assert.equal(made(name, value), want));

test("fields are bounded in number and octets", () => {
  const fields = new Fields();
  for (let i = 0; i < 60; i++) fields.add("X-A", "y".repeat(100));
  assert.equal(fields.all.length, fieldLimits.count);
  const large = new Fields();
  for (let i = 0; i < 60; i++) large.add("X-A", "y".repeat(900));
  assert.ok(large.all.join("").length <= fieldLimits.octets);
  assert.ok(large.dropped > 0);
});

test("whatever a filter says, one field comes out, with lines as mail may have them", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary", maxLength: 3_000 }),
      (name, value) => {
        const field = made(name, value);
        if (field === undefined) return;
        assert.match(field, /^[!-9;-~]+: (?:[\t -~]*\r\n[\t ])*[\t -~]*\r\n$/);
        for (const line of field.split("\r\n")) assert.ok(line.length <= 998);
        assert.equal(partsOf(field).name, name.toLowerCase());
      },
    ),
  );
});
