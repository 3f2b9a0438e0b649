/**
 * Reports as messages, against golden files (`UPDATE_GOLDEN=1` writes them anew).
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { partsOf } from "../../../test/harness/mime-parts.ts";
import { needs, run } from "../../../test/harness/programs.ts";
import { isAscii } from "../../kit/ascii.ts";
import type { Address } from "../address.ts";
import { dayOf, parseDay } from "./day.ts";
import { type ReportLetter, reportMessage } from "./message.ts";

const folder = join(import.meta.dirname, "../../../test/golden/reports");
/** `gzip -n` of "<feedback/>\n": what zlib makes differs between its versions. */
const packed = Buffer.from("H4sIAAAAAAAAA7NJS01NSUpMzta34wIAHUs52AwAAAA=", "base64");
const day = parseDay("2026-11-28");
assert.ok(day);

const letter: ReportLetter = {
  kind: "dmarc",
  message: "01kb4k8d00abcdefghjkmnpqrs",
  from: "dmarc-reports@home.example" as Address,
  organization: 'Home "Sweet" Home',
  to: "rua@far.example" as Address,
  domain: "far.example",
  day,
  reportId: "20261128.0123456789abcdef@home.example",
  hostname: "mx.home.example",
  at: Date.UTC(2026, 10, 29, 1, 2, 3),
  packed,
};

for (const kind of ["dmarc", "tls"] as const)
  test(`golden: ${kind}`, () => {
    const octets = reportMessage({ ...letter, kind });
    const path = join(folder, `${kind}.eml`);
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, octets);
    assert.equal(octets.toString("latin1"), readFileSync(path, "latin1"));
  });

test("the attachment is the report", () => {
  const [text, report] = partsOf(reportMessage(letter).toString("latin1"));
  assert.match(text?.head ?? "", /text\/plain/);
  assert.match(report?.head ?? "", /filename="home\.example!far\.example!1795824000!1795910399\.xml\.gz"/);
  assert.equal(gunzipSync(Buffer.from(report?.body ?? "", "base64")).toString(), "<feedback/>\n");
});

test("a name in any script is one field of 7 bits, and says the same", () => {
  const organization = "Grüße und Söhne, Größenwahn und Übermut, Gesellschaft für alles 🦊 Mögliche";
  const text = reportMessage({ ...letter, organization }).toString("latin1");
  assert.ok(isAscii(text));
  const from = /^From: ((?:.|\r\n )*?) <dmarc-reports@home\.example>\r$/m.exec(text)?.[1] ?? "";
  const words = from.split("\r\n ");
  for (const word of words) assert.ok(word.length <= 75);
  const decoded = words.map((word) => Buffer.from(word.slice(10, -2), "base64").toString());
  assert.equal(decoded.join(""), organization);
});

const reader = `
import email, email.policy, gzip, json, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
text, report = m.iter_parts()
print(json.dumps([m.get_content_type(), m["subject"], report.get_content_type(), report.get_filename(),
  gzip.decompress(report.get_content()).decode(), [str(d) for d in m.defects + text.defects + report.defects]]))
`;
for (const [kind, ...types] of [
  ["dmarc", "multipart/mixed", "application/gzip", "xml"],
  ["tls", "multipart/report", "application/tlsrpt+gzip", "json"],
] as const)
  test(`${kind}: as Python's email package reads it`, needs("python3"), async () => {
    const { stdout } = await run("python3", ["-c", reader, join(folder, `${kind}.eml`)]);
    const subject = `Report Domain: far.example Submitter: home.example Report-ID: <${letter.reportId}>`;
    const name = `home.example!far.example!1795824000!1795910399.${types[2]}.gz`;
    assert.deepEqual(JSON.parse(stdout), [types[0], subject, types[1], name, "<feedback/>\n", []]);
  });

const days = [
  ["2026-11-28", true],
  ["2026-02-29", false],
  ["2028-02-29", true],
  ["2026-11-28T00:00", false],
  ["20261128", false],
] as const;
for (const [text, isDay] of days)
  test(`${text} is ${isDay ? "a" : "no"} day`, () => assert.equal(parseDay(text), isDay ? text : undefined));

test("a day ends at midnight UTC", () => {
  assert.equal(dayOf(Date.UTC(2026, 10, 28, 23, 59, 59, 999)), "2026-11-28");
  assert.equal(dayOf(Date.UTC(2026, 10, 29)), "2026-11-29");
});
