import assert from "node:assert/strict";
import { test } from "node:test";
import { isHeloName, parseBdat, parsePathArgument, splitCommand } from "./command.ts";

test("a command is a verb in any case, and what follows it", () => {
  assert.deepEqual(splitCommand("noop"), { verb: "NOOP", argument: "" });
  assert.deepEqual(splitCommand("Ehlo  a.example  "), { verb: "EHLO", argument: "a.example" });
  assert.deepEqual(splitCommand(""), { verb: "", argument: "" });
  assert.deepEqual(splitCommand(" NOOP"), { verb: "", argument: "NOOP" });
});

const paths: readonly { given: string; inside?: string; parameters?: readonly string[] }[] = [
  { given: "FROM:<>", inside: "" },
  { given: "FROM:<a@b.c>", inside: "a@b.c" },
  { given: "from:<a@b.c>", inside: "a@b.c" },
  { given: "FROM: <a@b.c>", inside: "a@b.c" },
  { given: "FROM:<a@b.c> SIZE=1  BODY=7BIT", inside: "a@b.c", parameters: ["SIZE=1", "BODY=7BIT"] },
  { given: 'FROM:<"a>b"@b.c> SIZE=1', inside: '"a>b"@b.c', parameters: ["SIZE=1"] },
  { given: 'FROM:<"a\\">b"@b.c>', inside: '"a\\">b"@b.c' },
  { given: 'FROM:<"a"@b.c> X="y"', inside: '"a"@b.c', parameters: ['X="y"'] },
  { given: 'FROM:<a@b.c> X="y', inside: "a@b.c", parameters: ['X="y'] },
  { given: "FROM:a@b.c" },
  { given: "FROM:<a@b.c" },
  { given: "FROM:<a@b.c>SIZE=1" },
  { given: 'FROM:<"a@b.c>' },
  { given: "FROM <a@b.c>" },
  { given: "TO:<a@b.c>" },
  { given: "" },
];
for (const { given, inside, parameters = [] } of paths)
  test(`path of ${given}`, () => {
    assert.deepEqual(
      parsePathArgument("FROM:", given),
      inside === undefined ? undefined : { inside, parameters },
    );
  });

const bdats: readonly (readonly [given: string, want: { size: number; last: boolean } | undefined])[] = [
  ["0", { size: 0, last: false }],
  ["12 LAST", { size: 12, last: true }],
  ["12  last", { size: 12, last: true }],
  ["99999999999999999999", { size: 1e20, last: false }],
  ["999999999999999999999", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["0x10", undefined],
  ["12LAST", undefined],
  ["12 FIRST", undefined],
  ["LAST", undefined],
  ["", undefined],
];
for (const [given, want] of bdats) test(`BDAT ${given}`, () => assert.deepEqual(parseBdat(given), want));

test("a host name in EHLO may be odd, but cannot break a header", () => {
  for (const name of ["a.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "MY_PC", "x"])
    assert.ok(isHeloName(name), name);
  for (const name of ["", "a b", "a(b)", "a\tb", "ü.example", "a;b", "<a>", "x".repeat(256)])
    assert.ok(!isHeloName(name), name);
});
