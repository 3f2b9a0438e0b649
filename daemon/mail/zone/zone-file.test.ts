import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wantedRecords } from "./records.ts";
import { characterStrings, zoneFile, zoneValue } from "./zone-file.ts";

test("a zone file to copy: complete names, aligned, text in quotes", () => {
  const records = wantedRecords({
    domain: "x.test",
    mailHosts: ["mx.x.test"],
    mtaStsId: "1",
  }).slice(0, 8);
  assert.equal(
    zoneFile(records),
    [
      "x.test.                   3600 IN MX    10 mx.x.test.",
      'x.test.                   3600 IN TXT   "v=spf1 mx ~all"',
      '_dmarc.x.test.            3600 IN TXT   "v=DMARC1; p=quarantine"',
      '_mta-sts.x.test.          3600 IN TXT   "v=STSv1; id=1"',
      "mta-sts.x.test.           3600 IN CNAME mx.x.test.",
      "_submissions._tcp.x.test. 3600 IN SRV   0 1 465 mx.x.test.",
      "_submission._tcp.x.test.  3600 IN SRV   0 1 587 mx.x.test.",
      "_imaps._tcp.x.test.       3600 IN SRV   0 1 993 mx.x.test.",
      "",
    ].join("\n"),
  );
});

test("a service that is not there keeps its single dot", () => {
  assert.equal(zoneValue({ type: "SRV", value: "0 0 0 ." }), "0 0 0 .");
});

test("the text of an RSA key is cut at 255 octets", () => {
  const text = `v=DKIM1; k=rsa; p=${"A".repeat(392)}`;
  assert.equal(zoneValue({ type: "TXT", value: text }), `"${text.slice(0, 255)}" "${text.slice(255)}"`);
});

test("quotes, backslashes and what is not ASCII are escaped", () => {
  assert.equal(zoneValue({ type: "TXT", value: 'a"b\\c;é' }), '"a\\"b\\\\c;\\195\\169"');
  assert.equal(zoneValue({ type: "TXT", value: "" }), '""');
});

test("whatever the text: strings of at most 255 octets that join to it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (text) => {
      const parts = characterStrings(text);
      assert.ok(parts.every((part) => part.length <= 255));
      assert.equal(Buffer.concat(parts).toString(), Buffer.from(text).toString());
    }),
  );
});
