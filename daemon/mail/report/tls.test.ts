/**
 * Reports on TLS against a golden file (`UPDATE_GOLDEN=1` writes it anew), and by the schema of RFC 8460 §4.4.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { type TlsReport, type TlsRow, tlsJson } from "./tls.ts";

const golden = join(import.meta.dirname, "../../../test/golden/reports/tls.json");
const sts = {
  type: "sts",
  strings: ["version: STSv1", "mode: testing", "mx: *.far.example", "max_age: 86400"],
  mx: ["*.far.example"],
} as const;
const place = { sender: "198.51.100.1", mx: "mx.far.example", receiver: "192.0.2.1" };
const rows: TlsReport["rows"] = [
  { row: { policy: sts }, count: 5_326 },
  {
    row: { policy: sts, failure: { type: "certificate-expired", ...place, reason: "CERT_HAS_EXPIRED" } },
    count: 100,
  },
  { row: { policy: sts, failure: { type: "starttls-not-supported", ...place } }, count: 3 },
  { row: { policy: { type: "tlsa", strings: ["3 1 1 00ff"], mx: [] } }, count: 7 },
  {
    row: { policy: { type: "sts", strings: [], mx: [] }, failure: { type: "sts-policy-fetch-error" } },
    count: 2,
  },
];
const report: TlsReport = {
  organization: "Home & Co",
  contact: "tls-reports@home.example",
  id: "20261128.0123456789abcdef@home.example",
  domain: "far.example",
  day: "2026-11-28",
  rows,
};

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0 } as const;
const object = (properties: object, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});
const detail = object(
  {
    "result-type": {
      enum: [
        "starttls-not-supported",
        "certificate-host-mismatch",
        "certificate-expired",
        "certificate-not-trusted",
        "validation-failure",
        "tlsa-invalid",
        "dnssec-invalid",
        "dane-required",
        "sts-policy-fetch-error",
        "sts-policy-invalid",
        "sts-webpki-invalid",
      ],
    },
    "sending-mta-ip": text,
    "receiving-mx-hostname": text,
    "receiving-ip": text,
    "failed-session-count": count,
    "failure-reason-code": text,
  },
  ["result-type", "failed-session-count"],
);
const policy = object(
  {
    "policy-type": { enum: ["tlsa", "sts", "no-policy-found"] },
    "policy-string": { type: "array", items: text },
    "policy-domain": text,
    "mx-host": { type: "array", items: text },
  },
  ["policy-type", "policy-domain"],
);
const summary = object({ "total-successful-session-count": count, "total-failure-session-count": count });
const isReport = new Ajv().compile(
  object({
    "organization-name": text,
    "date-range": object({
      "start-datetime": { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T00:00:00Z$" },
      "end-datetime": { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T23:59:59Z$" },
    }),
    "contact-info": text,
    "report-id": text,
    policies: {
      type: "array",
      items: object({ policy, summary, "failure-details": { type: "array", items: detail } }, [
        "policy",
        "summary",
      ]),
    },
  }),
);

test("golden", () => {
  const json = tlsJson(report);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(golden, json);
  assert.equal(json, readFileSync(golden, "utf8"));
  assert.ok(isReport(JSON.parse(json)), JSON.stringify(isReport.errors));
});

/** Without a say in its type. */
const isValid = (value: unknown): boolean => isReport(value);

interface Policy {
  readonly summary: Readonly<Record<string, number>>;
  readonly "failure-details"?: readonly Readonly<Record<string, number>>[];
}
const parsed = (given: TlsReport) => JSON.parse(tlsJson(given)) as { readonly policies: readonly Policy[] };

const failure = fc.record(
  {
    type: fc.constantFrom("tlsa-invalid", "certificate-expired"),
    sender: fc.string(),
    mx: fc.string(),
    receiver: fc.string(),
    reason: fc.string(),
  },
  { requiredKeys: ["type"] },
);
const row: fc.Arbitrary<TlsRow> = fc.record(
  {
    policy: fc.record({
      type: fc.constantFrom("tlsa", "sts", "no-policy-found"),
      strings: fc.array(fc.string(), { maxLength: 2 }),
      mx: fc.array(fc.string(), { maxLength: 2 }),
    }),
    failure,
  },
  { requiredKeys: ["policy"] },
) as fc.Arbitrary<TlsRow>;

test("whatever words there are, it is a report, and its sums are those of its rows", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ row, count: fc.integer({ min: 1, max: 99 }) })), (counted) => {
      const json = parsed({ ...report, rows: counted });
      assert.ok(isValid(json), JSON.stringify(isReport.errors));
      let good = 0;
      let bad = 0;
      let details = 0;
      for (const one of json.policies) {
        good += one.summary["total-successful-session-count"] ?? 0;
        bad += one.summary["total-failure-session-count"] ?? 0;
        for (const each of one["failure-details"] ?? []) details += each["failed-session-count"] ?? 0;
      }
      const all = counted.reduce((sum, one) => sum + one.count, 0);
      assert.equal(good + bad, all);
      assert.equal(details, bad);
    }),
  );
});
