import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRua, reportRecord, ruaMax, uriText } from "./rua.ts";

const table = [
  ["mailto:a@b.example", ["mailto:a@b.example"]],
  ["MAILTO:a@b.example!10m , mailto:c@d.example", ["mailto:a@b.example !10485760", "mailto:c@d.example"]],
  ["mailto:a@b.example!500", ["mailto:a@b.example !500"]],
  ["mailto:a@b.example!1x", []],
  ["mailto:a%2Bb@c.example?subject=x!2k", ["mailto:a+b@c.example !2048"]],
  ["mailto:a@b.example,mailto:a@b.example", ["mailto:a@b.example"]],
  ["https://r.example/v1?x=1", ["https://r.example/v1?x=1"]],
  ["http://r.example/, ftp://r.example/, a@b.example, , mailto:nobody", []],
  ["https://user:pass@r.example/", []],
  ["mailto:a%0d%0aBcc%3a@b.example", []],
  ["mailto:ü@b.example", []],
] as const;

for (const [value, want] of table)
  test(`rua=${value}`, () =>
    assert.deepEqual(
      parseRua(value).map((uri) =>
        uri.kind === "mail" && uri.limit !== undefined ? `${uriText(uri)} !${uri.limit}` : uriText(uri),
      ),
      want,
    ));

test("no more places than are served", () => {
  const many = Array.from({ length: 50 }, (_, i) => `mailto:a${i}@b.example`).join(",");
  assert.equal(parseRua(many).length, ruaMax);
});

const records = [
  ["dmarc", ["v=DMARC1; p=none; rua=mailto:a@b.example", "v=spf1 -all"], "mailto:a@b.example"],
  ["dmarc", ["v=DMARC1; p=none; rua=mailto:a@b.example", "v=DMARC1; p=none"], undefined],
  ["dmarc", ["v=DMARC12; rua=mailto:a@b.example"], undefined],
  ["tls", ["v=TLSRPTv1; rua=https://b.example/"], "https://b.example/"],
  ["tls", ["v=TLSRPTv1;rua=mailto:a@b.example,https://b.example/;"], "mailto:a@b.example,https://b.example/"],
  ["tls", ["v=DMARC1; rua=mailto:a@b.example"], undefined],
  ["tls", [], undefined],
] as const;
for (const [kind, texts, want] of records)
  test(`${kind} record in ${JSON.stringify(texts)}`, () =>
    assert.equal(reportRecord(kind, texts)?.get("rua"), want));

test("no text breaks it, and what comes out is in one line", () => {
  const part = fc.constantFrom(
    "mailto:",
    "https://",
    "a@b.example",
    "!",
    "10m",
    "%0d",
    "%",
    ",",
    " ",
    "\r\n",
    "?",
    "@",
  );
  const text = fc.array(fc.oneof(part, fc.string()), { maxLength: 20 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (value) => {
      for (const uri of parseRua(value)) assert.match(uriText(uri), /^[!-~]+$/);
    }),
    { numRuns: 2_000 },
  );
});
