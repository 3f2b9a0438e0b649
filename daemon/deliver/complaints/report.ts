/**
 * Reads a report of abuse (ARF): what kind it is, and the token that its copy of our message bears.
 *
 * In:     the beginning of a message, so much of it as `reportLimit`: reports are short, and what is looked for stands in the
 *         header section of their third part.
 * Out:    the report, or `undefined`: it is none. Nothing in it is believed; the token proves itself.
 * Fails:  never, whatever comes in: strangers write reports.
 * Spec:   RFC 5965 §2 (multipart/report; report-type=feedback-report), §3.1; RFC 6522 §3; RFC 9477 §3.4.
 */
import { headerFields } from "../../mailbox/digest/header.ts";
import { digestOf } from "../../mailbox/digest/scan.ts";
import type { Part } from "../../mailbox/digest.ts";

/** Octets of a report that are looked at. */
export const reportLimit = 256 << 10;

export interface AbuseReport {
  /** `abuse`, `fraud`, `opt-out` and so on, in lower case. */
  readonly type: string;
  readonly token: string | undefined;
}

const wantedOfReport: ReadonlySet<string> = new Set(["feedback-type"]);
const wantedOfOriginal: ReadonlySet<string> = new Set(["cfbl-feedback-id"]);

export function readAbuseReport(message: Buffer): AbuseReport | undefined {
  const octets = message.subarray(0, reportLimit);
  const { structure } = digestOf(octets);
  const reportType = structure.parameters.find(([name]) => name === "report-type")?.[1];
  if (nameOf(structure) !== "multipart/report" || reportType?.toLowerCase() !== "feedback-report")
    return undefined;
  const report = structure.parts.find((part) => nameOf(part) === "message/feedback-report");
  const type = report && headerFields(textOf(octets, report), wantedOfReport).get("feedback-type");
  if (type === undefined) return undefined;
  const original = structure.parts.find((part) => originals.has(nameOf(part)));
  const token =
    original && headerFields(headerOf(octets, original), wantedOfOriginal).get("cfbl-feedback-id");
  return { type: type.toLowerCase().slice(0, 40), token: token?.replace(/\s+/g, "") };
}

const originals: ReadonlySet<string> = new Set([
  "message/rfc822",
  "message/global",
  "text/rfc822-headers",
  "message/global-headers",
  "text/rfc822",
]);

const nameOf = ({ type, subtype }: Part): string => `${type}/${subtype}`;

/** Up to the empty line: what a body says is no field. */
function headerOf(octets: Buffer, part: Part): Buffer {
  const text = textOf(octets, part);
  const ends = ["\r\n\r\n", "\n\n"].map((end) => text.indexOf(end)).filter((at) => at >= 0);
  return ends.length === 0 ? text : text.subarray(0, Math.min(...ends) + 1);
}

function textOf(octets: Buffer, { body, encoding }: Part): Buffer {
  const text = octets.subarray(body.offset, body.offset + body.size);
  if (encoding === "base64") return Buffer.from(text.toString("latin1"), "base64");
  return encoding === "quoted-printable" ? plain(text) : text;
}

/** RFC 2045 §6.7 */
const plain = (text: Buffer): Buffer =>
  Buffer.from(
    text
      .toString("latin1")
      .replace(/=[ \t]*\r?\n/g, "")
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
