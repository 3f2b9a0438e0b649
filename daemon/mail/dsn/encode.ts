/**
 * How text of any script travels in a DSN.
 *
 * Spec: RFC 2045 §6.7 (quoted-printable); RFC 6533 §3 (`utf-8` addresses); RFC 3464 §2.1.2, §2.3.1 (typed fields).
 */
import { isAscii } from "../../kit/ascii.ts";
import { asciiLine, fold, oneLine, wordsOf } from "../text.ts";

const cr = 13;
const lf = 10;
const space = 32;
const tab = 9;
const equals = 61;
const hex = "0123456789ABCDEF";
/** Columns of a line, the `=` of a soft break not counted. */
const columns = 75;

/** Octets with CRLF line ends, as quoted-printable. For reports and header sections: some kilobytes, not bodies. */
export function quotedPrintable(octets: Uint8Array): string {
  let text = "";
  let column = 0;
  for (let i = 0; i < octets.length; i++) {
    const c = octets[i] ?? 0;
    if (c === cr && octets[i + 1] === lf) {
      text += "\r\n";
      column = 0;
      i++;
      continue;
    }
    const atEnd = i + 1 === octets.length || octets[i + 1] === cr;
    const plain = (c > space && c < 127 && c !== equals) || ((c === space || c === tab) && !atEnd);
    const word = plain ? String.fromCharCode(c) : `=${hex[c >>> 4]}${hex[c & 15]}`;
    if (column + word.length > columns) {
      text += "=\r\n";
      column = 0;
    }
    text += word;
    column += word.length;
  }
  return text;
}

const addressType = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,29}$/;
const addressKept = 800;

/** `rfc822; bob@example.net`. Without `utf8` the address is ASCII, others in the `\x{…}` form of RFC 6533 §3. */
export function typedAddress(type: string, address: string, utf8: boolean): string {
  const known = addressType.test(type) ? type : "unknown";
  if (isAscii(address)) return `${known}; ${asciiLine(address, addressKept)}`;
  const name = known === "rfc822" ? "utf-8" : known;
  const line = oneLine(address, addressKept);
  return `${name}; ${utf8 ? line : line.replace(/[^!-~]|[+=\\]/gu, embedded)}`;
}

const embedded = (character: string): string =>
  `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}}`;

/** One header field, folded at 78 columns where words allow it. */
export const field = (name: string, value: string): string =>
  `${fold([`${name}:`, ...wordsOf(value)], 78, "\r\n", " ")}\r\n`;
