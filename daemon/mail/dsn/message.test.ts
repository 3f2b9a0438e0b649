/**
 * DSNs against golden files (`UPDATE_GOLDEN=1` writes them anew), and as Python's email package reads those.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cases } from "../../../test/harness/dsn-cases.ts";
import { dsnMessage } from "./message.ts";

const folder = join(import.meta.dirname, "../../../test/golden/dsn");
for (const [name, golden] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const { octets, eightBit, smtputf8 } = dsnMessage(golden.report, golden.original);
    const path = join(folder, `${name}.eml`);
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, octets);
    assert.equal(octets.toString("latin1"), readFileSync(path, "latin1"));
    assert.deepEqual({ eightBit, smtputf8 }, { eightBit: false, smtputf8: false, ...golden.travels });
  });
}

test("every golden file has its case", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".eml"));
  assert.deepEqual(files.map((file) => file.replace(".eml", "")).sort(), Object.keys(cases).sort());
});

interface View {
  readonly type: string;
  readonly reportType: string;
  readonly fields: readonly string[];
  readonly parts: readonly string[];
  readonly defects: readonly string[];
  readonly text: string;
  readonly groups: readonly (readonly (readonly [string, string])[])[];
  readonly to: string;
}

const fieldNames = [
  "Received",
  "From",
  "To",
  "Subject",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Auto-Submitted",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
];

const skip = spawnSync("python3", ["--version"]).error ? "needs python3" : false;
let views: Readonly<Record<string, View>> | undefined;

/** What Python sees in every golden file: one process for all. */
function viewOf(name: string): View | undefined {
  if (views === undefined) {
    const paths = Object.keys(cases).map((each) => join(folder, `${each}.eml`));
    const python = spawnSync("python3", [join(folder, "structure.py"), ...paths], { encoding: "utf8" });
    assert.equal(python.status, 0, python.stderr);
    views = JSON.parse(python.stdout) as Record<string, View>;
  }
  return views[join(folder, `${name}.eml`)];
}

for (const [name, { report: given, parts }] of Object.entries(cases)) {
  test(`Python's email package reads ${name} as a report`, { skip }, () => {
    const view = viewOf(name);
    assert.ok(view);
    assert.equal(view.type, "multipart/report");
    assert.equal(`message/${view.reportType}`, parts[1]);
    assert.deepEqual(view.parts, parts);
    assert.deepEqual(view.defects, []);
    assert.deepEqual(
      view.fields.filter((field) => !fieldNames.includes(field)),
      [],
    );
    assert.equal(new Set(view.fields).size, view.fields.length);
    assert.match(view.text, /^This is the mail system at mx\.example\.test\./);
    const [perMessage, ...perRecipient] = view.groups.map((group) => new Map(group));
    assert.equal(perMessage?.get("reporting-mta"), "dns; mx.example.test");
    assert.deepEqual(
      perRecipient.map((fields) => fields.get("action")),
      given.recipients.map(({ action }) => action),
    );
    for (const fields of perRecipient) {
      assert.match(fields.get("status") ?? "", /^[245]\.\d{1,3}\.\d{1,3}$/);
      assert.match(fields.get("final-recipient") ?? "", /^(?:rfc822|utf-8); \S+@\S+$/);
    }
  });
}
