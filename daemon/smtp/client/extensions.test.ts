import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../../mail/reply.ts";
import { type Extensions, noExtensions, parseExtensions } from "./extensions.ts";

const ehlo = (...lines: readonly string[]): Extensions =>
  parseExtensions(reply(250, "2.0.0", ["mx.example", ...lines].join("\n")));
const plain: Extensions = { ...noExtensions, esmtp: true };

const table = [
  { name: "nothing but the greeting", given: [], want: plain },
  {
    name: "all that we know",
    given: [
      "PIPELINING",
      "8BITMIME",
      "SMTPUTF8",
      "DSN",
      "STARTTLS",
      "CHUNKING",
      "SIZE 1000",
      "AUTH PLAIN LOGIN",
    ],
    want: {
      ...plain,
      pipelining: true,
      eightBitMime: true,
      smtpUtf8: true,
      dsn: true,
      startTls: true,
      chunking: true,
      size: { limit: 1000 },
      auth: ["PLAIN", "LOGIN"],
    },
  },
  {
    name: "other capitals",
    given: ["pipelining", "Size 5"],
    want: { ...plain, pipelining: true, size: { limit: 5 } },
  },
  { name: "SIZE without a number", given: ["SIZE"], want: { ...plain, size: { limit: 0 } } },
  { name: "SIZE with nonsense", given: ["SIZE -5"], want: { ...plain, size: { limit: 0 } } },
  { name: "AUTH in the old spelling", given: ["AUTH=LOGIN"], want: { ...plain, auth: ["LOGIN"] } },
  {
    name: "AUTH twice",
    given: ["AUTH PLAIN", "AUTH=PLAIN LOGIN"],
    want: { ...plain, auth: ["PLAIN", "LOGIN"] },
  },
  {
    name: "LIMITS",
    given: ["LIMITS MAILMAX=20 RCPTMAX=100 RCPTDOMAINMAX=1"],
    want: { ...plain, mailMax: 20, rcptMax: 100 },
  },
  { name: "unreadable LIMITS", given: ["LIMITS RCPTMAX=many MAILMAX="], want: plain },
  { name: "unknown keywords", given: ["XFOO bar", "HELP", "PIPELININGX", ""], want: plain },
  { name: "stray spaces", given: [" DSN ", "SIZE   7 "], want: { ...plain, dsn: true, size: { limit: 7 } } },
] as const;

for (const { name, given, want } of table) {
  test(`understands ${name}`, () => assert.deepEqual(ehlo(...given), want));
}

test("the greeting line is no keyword", () => {
  assert.deepEqual(parseExtensions(reply(250, "2.0.0", "PIPELINING")), plain);
});
