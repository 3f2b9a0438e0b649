import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMailParameters, parseRcptParameters } from "./parameters.ts";

const plain = { body: "7BIT", smtputf8: false };
const mail: readonly { given: string; want: object | number; auth?: boolean }[] = [
  { given: "", want: plain },
  { given: "SIZE=0", want: { ...plain, size: 0 } },
  { given: "size=123 body=8bitmime", want: { body: "8BITMIME", smtputf8: false, size: 123 } },
  { given: "BODY=7BIT SMTPUTF8", want: { body: "7BIT", smtputf8: true } },
  { given: "RET=hdrs ENVID=QQ+20314159", want: { ...plain, ret: "HDRS", envid: "QQ 314159" } },
  { given: `ENVID=${"x".repeat(100)}`, want: { ...plain, envid: "x".repeat(100) } },
  { given: "AUTH=<>", want: plain, auth: true },
  { given: "AUTH=e+3Dmc2@example.com", want: plain, auth: true },
  { given: "AUTH=<>", want: 555 },
  { given: "AUTH=", want: 501, auth: true },
  { given: "SIZE", want: 501 },
  { given: "SIZE=", want: 501 },
  { given: "SIZE=-1", want: 501 },
  { given: "SIZE=1e3", want: 501 },
  { given: "SIZE=123456789012345678901", want: 501 },
  { given: "SIZE=1 SIZE=1", want: 555 },
  { given: "SIZE=1 size=2", want: 555 },
  { given: "BODY=BINARYMIME", want: 501 },
  { given: "BODY", want: 501 },
  { given: "SMTPUTF8=1", want: 501 },
  { given: "RET=ALL", want: 501 },
  { given: "ENVID=", want: 501 },
  { given: "ENVID=a+0D+0AX-Evil:", want: 501 },
  { given: "ENVID=a+0d", want: 501 },
  { given: "ENVID=a=b", want: 501 },
  { given: `ENVID=${"x".repeat(101)}`, want: 501 },
  { given: "NOTIFY=NEVER", want: 555 },
  { given: "REQUIRETLS", want: 555 },
  { given: "FOO=bar", want: 555 },
  { given: "=bar", want: 555 },
];
for (const { given, want, auth = false } of mail)
  test(`MAIL ${given.slice(0, 40)}`, () => {
    const got = parseMailParameters(given.split(" ").filter(Boolean), () => auth);
    if (typeof want === "number") assert.ok("code" in got && got.code === want && got.enhanced === "5.5.4");
    else assert.deepEqual(got, want);
  });

test("REQUIRETLS is for clients under TLS, who were told of it", () => {
  const got = (given: string) => parseMailParameters([given], () => false, true);
  assert.deepEqual(got("REQUIRETLS"), { body: "7BIT", smtputf8: false, requireTls: true });
  assert.partialDeepStrictEqual(got("REQUIRETLS=1"), { code: 501 });
});

const rcpt: readonly { given: string; want: object | number }[] = [
  { given: "", want: {} },
  { given: "NOTIFY=never", want: { notify: "never" } },
  { given: "NOTIFY=SUCCESS,Delay", want: { notify: ["success", "delay"] } },
  { given: "NOTIFY=FAILURE,FAILURE", want: { notify: ["failure"] } },
  {
    given: "ORCPT=rfc822;Bob+2Bx@example.test",
    want: { orcpt: { type: "rfc822", address: "Bob+x@example.test" } },
  },
  {
    given: "ORCPT=RFC822;+22a+20b+22@example.test",
    want: { orcpt: { type: "rfc822", address: '"a b"@example.test' } },
  },
  {
    given: "ORCPT=utf-8;j\\x{FC}rgen@x.example",
    want: { orcpt: { type: "utf-8", address: "jürgen@x.example" } },
  },
  { given: "ORCPT=utf-8;jürgen@x.example", want: { orcpt: { type: "utf-8", address: "jürgen@x.example" } } },
  {
    given: "ORCPT=utf-8;\\x{1F600}+2B@x.example",
    want: { orcpt: { type: "utf-8", address: "😀+@x.example" } },
  },
  { given: "ORCPT=x400;C+3Dde", want: { orcpt: { type: "x400", address: "C=de" } } },
  { given: "NOTIFY=NEVER,DELAY", want: 501 },
  { given: "NOTIFY=", want: 501 },
  { given: "NOTIFY=SUCCESS,", want: 501 },
  { given: "NOTIFY", want: 501 },
  { given: "NOTIFY=NEVER NOTIFY=NEVER", want: 555 },
  { given: "ORCPT=bob@example.test", want: 501 },
  { given: "ORCPT=;bob", want: 501 },
  { given: "ORCPT=rfc822;", want: 501 },
  { given: "ORCPT=rfc822;a+0D+0ARCPT", want: 501 },
  { given: "ORCPT=rfc822;a+00", want: 501 },
  { given: "ORCPT=rfc822;a+FF", want: 501 },
  { given: "ORCPT=rfc822;jürgen", want: 501 },
  { given: "ORCPT=utf-8;a\\x{0D}\\x{0A}b", want: 501 },
  { given: "ORCPT=utf-8;a+0Ab", want: 501 },
  { given: "ORCPT=utf-8;a\\x{D800}b", want: 501 },
  { given: "ORCPT=utf-8;a\\x{110000}b", want: 501 },
  { given: "ORCPT=utf-8;a\\x{2028}b", want: 501 },
  { given: "ORCPT=utf-8;a\\b", want: 501 },
  { given: "ORCPT=bad_type;a", want: 501 },
  { given: `ORCPT=rfc822;${"a".repeat(500)}`, want: 501 },
  { given: "SIZE=1", want: 555 },
];
for (const { given, want } of rcpt)
  test(`RCPT ${given.slice(0, 40)}`, () => {
    const got = parseRcptParameters(given.split(" ").filter(Boolean));
    if (typeof want === "number") assert.ok("code" in got && got.code === want && got.enhanced === "5.5.4");
    else assert.deepEqual(got, want);
  });
