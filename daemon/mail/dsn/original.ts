/**
 * The third part of a DSN: the message that it is about, or its header section.
 *
 * In:     the first octets of the message.
 * Out:    a MIME part that needs no more than the DSN may use.
 * Fails:  never; what cannot be returned whole is returned as headers.
 * Spec:   RFC 3461 §4.3 (RET); RFC 6522 §3, §4; RFC 6533 §5, §6 (message/global, message/global-headers).
 */
import { isAscii, isUtf8 } from "node:buffer";
import { scanHeaders } from "../headers.ts";
import { quotedPrintable } from "./encode.ts";

/**
 * Octets of a message that RET=FULL returns. Larger ones come back as headers: a bounce is made in memory, travels in
 * one queue record, and often goes to somebody who did not write the message.
 */
export const originalLimit = 256 << 10;
const headersLimit = 64 << 10;

export interface Original {
  /** The message's first octets: all, or at least as many as `originalLimit`. */
  readonly octets: Uint8Array;
  /** These are all. */
  readonly complete: boolean;
}

export interface ReturnedPart {
  readonly type: "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/global-headers";
  readonly encoding: "7bit" | "8bit" | "quoted-printable";
  readonly content: Uint8Array;
}

const crlf = Buffer.from("\r\n");

/** `utf8`: the DSN itself travels with SMTPUTF8. */
export function returnedPart(original: Original, full: boolean, utf8: boolean): ReturnedPart {
  const message = Buffer.from(original.octets.buffer, original.octets.byteOffset, original.octets.byteLength);
  const header = headerSection(message);
  // A NUL may stand in no 7bit or 8bit part. RFC 2045 §2.7, §2.8
  if (full && original.complete && message.length <= originalLimit && !message.includes(0))
    return wholeMessage(message, !isAscii(header), utf8);
  if (isAscii(header) && !header.includes(0))
    return { type: "text/rfc822-headers", encoding: "7bit", content: header };
  if (utf8 && isUtf8(header) && !header.includes(0))
    return { type: "message/global-headers", encoding: "8bit", content: header };
  // RFC 6522 §4: an encoding is allowed for raw octets above 127.
  const content = Buffer.from(quotedPrintable(header), "latin1");
  return { type: "text/rfc822-headers", encoding: "quoted-printable", content };
}

/** RFC 2046 §5.2.1: message/rfc822 may be 7bit or 8bit, never encoded. RFC 6532 §3.7: message/global. */
function wholeMessage(message: Buffer, eightBitHeader: boolean, utf8: boolean): ReturnedPart {
  const type = utf8 && eightBitHeader ? "message/global" : "message/rfc822";
  return { type, encoding: isAscii(message) ? "7bit" : "8bit", content: ended(message) };
}

/** The header fields, without the empty line, whole lines only. */
function headerSection(message: Buffer): Buffer {
  const { bodyOffset } = scanHeaders(message.subarray(0, headersLimit));
  const end = bodyOffset ?? Math.min(message.length, headersLimit);
  const section = message.subarray(0, end);
  if (section.subarray(-4).equals(Buffer.from("\r\n\r\n"))) return section.subarray(0, -2);
  if (end < message.length && bodyOffset === undefined)
    return section.subarray(0, section.lastIndexOf("\r\n") + 2);
  return ended(section);
}

const ended = (octets: Buffer): Buffer =>
  octets.length === 0 || octets.subarray(-2).equals(crlf) ? octets : Buffer.concat([octets, crlf]);
