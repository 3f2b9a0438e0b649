/**
 * The parts of a report about a message of ours: what a machine says, and the copy of the message with its token.
 *
 * In:     the beginning of a report, so much of it as `reportLimit`: reports are short, and what is looked for stands in the
 *         header section of their last part.
 * Out:    the text of the machine's part, the token; `undefined`: it is no report of that type.
 * Fails:  never, whatever comes in: strangers write reports.
 * Spec:   RFC 6522 §3 (multipart/report), RFC 2045 §6.7; RFC 9477 §3.4.
 */
import { headerFields } from "../../mailbox/digest/header.ts";
import { digestOf } from "../../mailbox/digest/scan.ts";
import type { Part } from "../../mailbox/digest.ts";

/** Octets of a report that are looked at. */
export const reportLimit = 256 << 10;

export interface ReportParts {
  readonly machine: Buffer;
  /** Of the copy of our message; nobody vouches for it but itself. */
  readonly token: string | undefined;
}

const wanted: ReadonlySet<string> = new Set(["cfbl-feedback-id"]);
const originals: ReadonlySet<string> = new Set([
  "message/rfc822",
  "message/global",
  "text/rfc822-headers",
  "message/global-headers",
  "text/rfc822",
]);

/** `types`: by `report-type`, the type of the machine's part. */
export function partsOf(message: Buffer, types: Readonly<Record<string, string>>): ReportParts | undefined {
  const octets = message.subarray(0, reportLimit);
  const { structure } = digestOf(octets);
  if (nameOf(structure) !== "multipart/report") return undefined;
  const type = structure.parameters.find(([name]) => name === "report-type")?.[1].toLowerCase() ?? "";
  const machineType = Object.hasOwn(types, type) ? types[type] : undefined;
  const machine = structure.parts.find((part) => nameOf(part) === machineType);
  if (machine === undefined) return undefined;
  const original = structure.parts.find((part) => originals.has(nameOf(part)));
  const token = original && headerFields(headerOf(octets, original), wanted).get("cfbl-feedback-id");
  return { machine: textOf(octets, machine), token: token?.replace(/\s+/g, "") };
}

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

const plain = (text: Buffer): Buffer =>
  Buffer.from(
    text
      .toString("latin1")
      .replace(/=[ \t]*\r?\n/g, "")
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
