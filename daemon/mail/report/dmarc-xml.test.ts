/**
 * Aggregate reports against a golden file (`UPDATE_GOLDEN=1` writes it anew), and by the schema where xmllint is there.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { needs } from "../../../test/harness/programs.ts";
import type { DmarcReport, DmarcRow } from "./dmarc.ts";
import { dmarcXml } from "./dmarc-xml.ts";

const folder = join(import.meta.dirname, "../../../test/golden/reports");

const row: DmarcRow = {
  ip: "192.0.2.66",
  disposition: "quarantine",
  dkim: "fail",
  spf: "fail",
  reasons: [{ type: "sampled_out" }, { type: "local_policy", comment: "kept apart" }],
  headerFrom: "far.example",
  envelopeFrom: "bulk.example",
  signatures: [
    { domain: "far.example", selector: "s1", result: "fail" },
    { domain: "list.example", selector: "k", result: "pass" },
  ],
  sender: { domain: "bulk.example", scope: "mfrom", result: "softfail" },
};

const report: DmarcReport = {
  organization: "Smith & Sons <Mail>",
  email: "dmarc-reports@home.example",
  id: "20261128.0123456789abcdef@home.example",
  begin: 1_795_824_000,
  end: 1_795_910_399,
  policy: { domain: "far.example", adkim: "r", aspf: "s", p: "reject", sp: "none", pct: 50, fo: "1:d" },
  rows: [
    { row, count: 3 },
    {
      row: {
        ...row,
        ip: "2001:db8::1",
        disposition: "none",
        dkim: "pass",
        reasons: [],
        envelopeFrom: "",
        signatures: [],
        sender: { domain: "mx.far.example", scope: "helo", result: "none" },
      },
      count: 12_345,
    },
  ],
  errors: ["7 further messages are not told"],
};

/** What is wrong with it by the schema. */
function complaint(xml: string): string {
  const run = spawnSync("xmllint", ["--noout", "--schema", join(folder, "dmarc.xsd"), "-"], { input: xml });
  return run.status === 0 ? "" : run.stderr.toString();
}

test("golden", () => {
  const xml = dmarcXml(report);
  const path = join(folder, "dmarc.xml");
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, xml);
  assert.equal(xml, readFileSync(path, "utf8"));
});

test("no word of a stranger's leaves its element", () => {
  const word = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("</domain>", "]]>", "&lt;", "<!--", "\ud800"),
  );
  const plain = dmarcXml({ ...report, rows: [{ row, count: 1 }] }).replace(/>[^<]*</g, "><");
  fc.assert(
    fc.property(word, (text) => {
      const { signatures, sender } = row;
      const dirty: DmarcRow = {
        ...row,
        headerFrom: text,
        envelopeFrom: text,
        signatures: signatures.map((one) => ({ ...one, domain: text, selector: text })),
        sender: { ...sender, domain: text },
      };
      const xml = dmarcXml({ ...report, organization: text, rows: [{ row: dirty, count: 1 }] });
      assert.equal(xml.replace(/>[^<]*</g, "><"), plain);
      assert.doesNotMatch(xml, /&(?!amp;|lt;|gt;)/);
      assert.ok(xml.isWellFormed());
    }),
  );
});

test("reports are valid by the schema, whatever words of strangers they hold", needs("xmllint"), () => {
  const text = "<x>&\u0000\u001b]]>\ufffe\ud800é";
  const dirty = { ...row, headerFrom: text, signatures: [{ domain: text, selector: text, result: "none" }] };
  for (const valid of [report, { ...report, rows: [{ row: dirty, count: 1 }] }])
    assert.equal(complaint(dmarcXml(valid)), "");
  for (const [good, bad] of [
    ["<disposition>quarantine<", "<disposition>Quarantine<"],
    ["<count>3<", "<count>0<"],
    ["<fo>1:d</fo>", ""],
    ["<scope>helo<", "<scope>mailfrom<"],
  ] as const)
    assert.notEqual(complaint(dmarcXml(report).replace(good, bad)), "", bad);
});
