/**
 * A DMARC aggregate report as XML.
 *
 * In:     a report, whose words strangers chose.
 * Out:    a document. Nothing but text comes from outside: markup is escaped, characters that XML does not know are left
 *         out, and no word is longer than a domain name may be.
 * Fails:  never.
 * Spec:   RFC 7489 appendix C. As everybody writes it: without a namespace, which readers expect.
 */
import ipaddr from "ipaddr.js";
import type { DmarcReport, DmarcRow, PublishedPolicy } from "./dmarc.ts";

export function dmarcXml(report: DmarcReport): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<feedback>",
    "  <version>1.0</version>",
    ...metadata(report),
    ...published(report.policy),
    ...report.rows.flatMap(({ row, count }) => record(row, count)),
    "</feedback>",
    "",
  ].join("\n");
}

function metadata({ organization, email, id, begin, end, errors }: DmarcReport): string[] {
  return [
    "  <report_metadata>",
    `    ${element("org_name", organization)}`,
    `    ${element("email", email)}`,
    `    ${element("report_id", id)}`,
    `    <date_range>${element("begin", begin)}${element("end", end)}</date_range>`,
    ...errors.map((text) => `    ${element("error", text)}`),
    "  </report_metadata>",
  ];
}

const published = ({ domain, adkim, aspf, p, sp, pct, fo }: PublishedPolicy): string[] => [
  "  <policy_published>",
  `    ${element("domain", domain)}${element("adkim", adkim)}${element("aspf", aspf)}`,
  `    ${element("p", p)}${element("sp", sp)}${element("pct", pct)}${element("fo", fo)}`,
  "  </policy_published>",
];

function record(row: DmarcRow, count: number): string[] {
  const reasons = row.reasons.map(({ type, comment }) => {
    const words = comment === undefined ? "" : element("comment", comment);
    return `<reason>${element("type", type)}${words}</reason>`;
  });
  return [
    "  <record>",
    `    <row>${element("source_ip", written(row.ip))}${element("count", count)}`,
    `      <policy_evaluated>${element("disposition", row.disposition)}${element("dkim", row.dkim)}${element("spf", row.spf)}${reasons.join("")}</policy_evaluated>`,
    "    </row>",
    `    <identifiers>${element("envelope_from", row.envelopeFrom)}${element("header_from", row.headerFrom)}</identifiers>`,
    "    <auth_results>",
    ...row.signatures.map(
      ({ domain, selector, result }) =>
        `      <dkim>${element("domain", domain)}${element("selector", selector)}${element("result", result)}</dkim>`,
    ),
    `      <spf>${element("domain", row.sender.domain)}${element("scope", row.sender.scope)}${element("result", row.sender.result)}</spf>`,
    "    </auth_results>",
    "  </record>",
  ];
}

/** The schema knows IPv6 addresses in full only. */
const written = (ip: string): string =>
  ipaddr.IPv6.isValid(ip) ? ipaddr.IPv6.parse(ip).toNormalizedString() : ip;

const wordMax = 255;
const marks: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
/** What XML 1.0 §2.2 does not know; lone surrogates too. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unknown = /[\x00-\x1f\x7f-\x9f\ufffe\uffff]|\p{Cs}/gu;

const element = (name: string, value: string | number): string => {
  const text = String(value).slice(0, wordMax).replace(unknown, "");
  return `<${name}>${text.replace(/[&<>]/g, (mark) => marks[mark] ?? "")}</${name}>`;
};
