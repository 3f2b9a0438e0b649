import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitsSts, formatStsPolicy, parseStsPolicy, stsPolicyId, stsRecordId } from "./mta-sts.ts";

const text =
  "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\n";
const policy = {
  mode: "enforce",
  mx: ["mail.example.com", "*.example.net"],
  maxAgeSeconds: 604_800,
} as const;

const texts = [
  [text, policy],
  [text.replaceAll("\r\n", "\n"), policy],
  [`${text}\r\nextension: ignored\r\n`, policy],
  [`${text}mode: none\r\n`, policy], // the first counts
  ["version: STSv1\nmode: none\nmax_age: 86400\n", { mode: "none", mx: [], maxAgeSeconds: 86_400 }],
  [
    "version: STSv1\nmode: testing\nmx: a.test\nmax_age: 9999999999\n",
    { mode: "testing", mx: ["a.test"], maxAgeSeconds: 31_557_600 },
  ],
  ["", undefined],
  ["version: STSv2\nmode: none\nmax_age: 1\n", undefined],
  ["mode: none\nmax_age: 1\n", undefined],
  ["version: STSv1\nmode: other\nmx: a.test\nmax_age: 1\n", undefined],
  ["version: STSv1\nmode: enforce\nmax_age: 1\n", undefined],
  ["version: STSv1\nmode: enforce\nmx: a.test\n", undefined],
  ["version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n", undefined],
  ["version: STSv1\nmode: enforce\nmx: *.*.test\nmax_age: 1\n", undefined],
  ["version: STSv1\nmode: enforce\nmx: .a.test\nmax_age: 1\n", undefined],
  ["<html>not found</html>", undefined],
] as const;
for (const [given, want] of texts)
  test(`the policy ${JSON.stringify(given).slice(0, 70)}`, () =>
    assert.deepEqual(parseStsPolicy(given), want));

const hosts = [
  ["mail.example.com", true],
  ["mx1.example.net", true],
  ["a.mx1.example.net", false],
  ["example.net", false],
  ["mail.example.org", false],
  ["xmail.example.com", false],
] as const;
for (const [host, want] of hosts)
  test(`${host} ${want ? "fits" : "does not fit"}`, () => assert.equal(fitsSts(policy, host), want));

const records = [
  [["v=STSv1; id=20160831085700Z;"], "20160831085700Z"],
  [["something", "v=STSv1;id=1"], "1"],
  [["v=STSv1; id=1", "v=STSv1; id=2"], undefined],
  [["v=STSv1"], undefined],
  [["v=STSv1; id=a-b"], undefined],
  [[], undefined],
] as const;
for (const [given, want] of records)
  test(`the id in ${JSON.stringify(given)}`, () => assert.equal(stsRecordId(given), want));

test("our own policy is read as it was meant, and its id changes with it", () => {
  assert.deepEqual(parseStsPolicy(formatStsPolicy(policy)), policy);
  assert.match(stsPolicyId(policy), /^[a-z0-9]{20}$/);
  assert.notEqual(stsPolicyId(policy), stsPolicyId({ ...policy, mode: "testing" }));
});

test("a line without end is read in no time", () => {
  const took = [1, 2, 3].map(() => {
    const began = performance.now();
    for (const line of [
      `mx: ${" ".repeat(1 << 20)}x`,
      `mx: ${"a.".repeat(1 << 19)}`,
      `${" ".repeat(1 << 20)}:`,
    ])
      assert.equal(parseStsPolicy(`version: STSv1\nmode: enforce\n${line}\nmax_age: 1\n`), undefined);
    return performance.now() - began;
  });
  assert.ok(Math.min(...took) < 2_000, `${took} ms`);
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."version: STSv1\nmxode,*.a_g ") }),
      (given) => void parseStsPolicy(given),
    ),
  );
});
