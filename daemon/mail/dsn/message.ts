/**
 * A DSN as a message: header, human text, machine part, and what is returned of the original.
 *
 * In:     a report, and the original's octets where they could be read.
 * Out:    octets with CRLF line ends, and what the next hop must be able to carry: nothing beyond 7 bits, unless RET=FULL
 *         returns a message that is 8-bit itself, or addresses and header fields are UTF-8 and the sender can take it.
 * Fails:  never. No text from outside ends a line or a MIME part: fields and lines are cleaned where they are written,
 *         and the boundary holds 80 random bits that were drawn after the message had come in.
 * Spec:   RFC 6522 §3 (multipart/report); RFC 3464 §2; RFC 6533 §4–§6 (SMTPUTF8); RFC 3834 §3, §5 (Auto-Submitted).
 */
import { isAscii as isAsciiOctets } from "node:buffer";
import { isAscii } from "../../kit/ascii.ts";
import { scanHeaders } from "../headers.ts";
import { mailDate, receivedHeader } from "../trace.ts";
import { quotedPrintable } from "./encode.ts";
import { type Original, type ReturnedPart, returnedPart } from "./original.ts";
import type { Report } from "./report.ts";
import { deliveryStatus } from "./status.ts";
import { humanText, subjectOf } from "./words.ts";

export interface DsnMessage {
  readonly octets: Buffer;
  /** Must travel as BODY=8BITMIME. */
  readonly eightBit: boolean;
  /** Must travel with SMTPUTF8. */
  readonly smtputf8: boolean;
}

export function dsnMessage(report: Report, original: Original | undefined): DsnMessage {
  const facts = original && scanHeaders(original.octets);
  const smtputf8 = needsUtf8(report, facts?.eightBit ?? false);
  const full = report.kind === "failure" && report.message.ret === "FULL";
  const returned =
    original && original.octets.length > 0 ? returnedPart(original, full, smtputf8) : undefined;
  const eightBit = smtputf8 || returned?.encoding === "8bit";
  const boundary = `=_${report.id}`;
  const head =
    headerFields(report, messageIdOf(facts?.messageId), boundary, smtputf8, eightBit) +
    humanPart(report, returned, boundary, smtputf8) +
    statusPart(report, boundary, smtputf8);
  const parts = returned
    ? [Buffer.from(head + returnedHeader(returned, boundary)), returned.content]
    : [Buffer.from(head)];
  parts.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  const octets = Buffer.concat(parts);
  return { octets, eightBit: eightBit && !isAsciiOctets(octets), smtputf8 };
}

/** SMTPUTF8 only when the sender used it and something here needs it: plain mail has better chances. RFC 6533 §4 */
function needsUtf8({ to, message, recipients }: Report, eightBitHeader: boolean): boolean {
  if (!isAscii(to)) return true;
  if (!message.smtputf8) return false;
  const plain = recipients.every(
    ({ recipient: { address, orcpt } }) => isAscii(address) && isAscii(orcpt?.address ?? ""),
  );
  return eightBitHeader || !plain;
}

/** A Message-ID that is one: it is repeated in our header. RFC 5322 §3.6.4 */
const messageIdOf = (value: string | undefined): string | undefined =>
  value !== undefined && value.length <= 500 && /^<[!-;=?-~]+>$/.test(value) ? value : undefined;

function headerFields(
  report: Report,
  inReplyTo: string | undefined,
  boundary: string,
  smtputf8: boolean,
  eightBit: boolean,
): string {
  const { id, at, reportingMta: host } = report;
  const origin = { client: "local", helo: "", protocol: "local" } as const;
  const reportType = smtputf8 ? "global-delivery-status" : "delivery-status";
  const lines = [
    `From: Mail Delivery System <MAILER-DAEMON@${host}>`,
    `To: <${report.to.replace(/\p{Cc}/gu, "")}>`,
    `Subject: ${subjectOf(report)}`,
    `Date: ${mailDate(at)}`,
    `Message-ID: <${id}@${host}>`,
    ...(inReplyTo === undefined ? [] : [`In-Reply-To: ${inReplyTo}`, `References: ${inReplyTo}`]),
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${reportType};`,
    ` boundary="${boundary}"`,
    ...(eightBit ? ["Content-Transfer-Encoding: 8bit"] : []),
  ];
  const preamble = "This is a report from a mail system, in MIME format.";
  return `${receivedHeader({ origin, host, id, at })}${lines.join("\r\n")}\r\n\r\n${preamble}\r\n`;
}

function humanPart(
  report: Report,
  returned: ReturnedPart | undefined,
  boundary: string,
  utf8: boolean,
): string {
  const whole = returned?.type === "message/rfc822" || returned?.type === "message/global";
  const text = humanText(report, returned === undefined ? "nothing" : whole ? "message" : "headers");
  const open = (charset: string, encoding: string) =>
    `\r\n--${boundary}\r\nContent-Type: text/plain; charset=${charset}\r\n` +
    `Content-Description: Notification\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  if (isAscii(text)) return open("us-ascii", "7bit") + text;
  if (utf8) return open("utf-8", "8bit") + text;
  return open("utf-8", "quoted-printable") + quotedPrintable(Buffer.from(text));
}

function statusPart(report: Report, boundary: string, utf8: boolean): string {
  const status = deliveryStatus(report, utf8);
  const type = utf8 ? "message/global-delivery-status" : "message/delivery-status";
  const encoding = isAscii(status) ? "7bit" : "8bit";
  return (
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Description: Delivery report\r\n` +
    `Content-Transfer-Encoding: ${encoding}\r\n\r\n${status}`
  );
}

function returnedHeader({ type, encoding }: ReturnedPart, boundary: string): string {
  const what = type.endsWith("headers") ? "Message headers" : "Message";
  return (
    `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Description: ${what}\r\n` +
    `Content-Transfer-Encoding: ${encoding}\r\n\r\n`
  );
}
