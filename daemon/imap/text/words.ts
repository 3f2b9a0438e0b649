/**
 * Encoded words in header fields.
 *
 * In:     a field's value, unfolded.
 * Out:    the text that was meant; what is no valid encoded word stays as it is.
 * Spec:   RFC 2047 (white space between two encoded words is dropped, §6.2), RFC 2231 §5 (language).
 */
import { decodeText } from "./charset.ts";

const word =
  /=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([bq])\?([^?\s]{0,2000})\?=(\s+(?==\?[^?\s]{1,80}\?[bq]\?))?/gi;
const quotedOctet = /=([0-9A-F]{2})/gi;

export function decodeWords(value: string): string {
  if (!value.includes("=?")) return value;
  let open: { charset: string; parts: Buffer[] } | undefined;
  let text = "";
  let at = 0;
  const close = () => {
    if (open) text += decodeText(Buffer.concat(open.parts), open.charset);
    open = undefined;
  };
  for (const match of value.matchAll(word)) {
    const [whole, charset = "", how = "", coded = ""] = match;
    if (match.index > at || open?.charset !== charset.toLowerCase()) close();
    text += value.slice(at, match.index);
    // A character may be split over two words of one charset.
    open ??= { charset: charset.toLowerCase(), parts: [] };
    open.parts.push(octetsOf(how, coded));
    at = match.index + whole.length;
  }
  close();
  return text + value.slice(at);
}

function octetsOf(how: string, coded: string): Buffer {
  if (how.toLowerCase() === "b") return Buffer.from(coded, "base64");
  const text = coded
    .replaceAll("_", " ")
    .replace(quotedOctet, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, "latin1");
}
