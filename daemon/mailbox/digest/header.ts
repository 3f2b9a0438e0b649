/**
 * The fields of a header that a digest needs.
 *
 * In:     a header block as it lies in the message, CRLF or LF line ends, anything in it.
 * Out:    wanted fields by lower-case name, unfolded, control characters as spaces; the first of each name counts.
 * Spec:   RFC 5322 §2.2 (fields, folding), RFC 6532 (UTF-8; what is not UTF-8 is read as Latin-1).
 */
import { isUtf8 } from "node:buffer";

const VALUE_MAX = 16 << 10;

export type Fields = ReadonlyMap<string, string>;

const mime = [
  "content-type",
  "content-transfer-encoding",
  "content-id",
  "content-description",
  "content-disposition",
  "content-language",
  "content-location",
  "content-md5",
];
const envelope = [
  "date",
  "subject",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "in-reply-to",
  "message-id",
  "references",
];
export const partFields: ReadonlySet<string> = new Set(mime);
export const messageFields: ReadonlySet<string> = new Set([...mime, ...envelope]);

export function headerFields(block: Buffer, wanted: ReadonlySet<string>): Fields {
  const text = block.toString(isUtf8(block) ? "utf8" : "latin1");
  const fields = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const end = fieldEnd(text, at);
    const colon = text.indexOf(":", at);
    if (colon > at && colon < end) {
      const name = text.slice(at, colon).trimEnd().toLowerCase();
      if (wanted.has(name) && !fields.has(name)) fields.set(name, unfolded(text.slice(colon + 1, end)));
    }
    at = end;
  }
  return fields;
}

/** Behind the line end that no white space follows. */
function fieldEnd(text: string, from: number): number {
  for (let at = from; ; ) {
    const lf = text.indexOf("\n", at);
    if (lf < 0) return text.length;
    const next = text[lf + 1];
    if (next !== " " && next !== "\t") return lf + 1;
    at = lf + 1;
  }
}

/** Unfolding takes out the line end only; the white space after it stays. RFC 5322 §2.2.3 */
function unfolded(raw: string): string {
  const cut = raw.length > VALUE_MAX ? raw.slice(0, VALUE_MAX) : raw;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const controls = /[\x00-\x1f\x7f]/g;
  return cut.replace(/\r?\n/g, "").replace(controls, " ").trim();
}
