/**
 * Strings on their way to the client.
 *
 * Spec:   RFC 9051 §4.3 (quoted or literal), §9 (`quoted`, `literal`); RFC 6855 §3 (UTF-8 in quoted strings only
 *         once the client has said that it understands them).
 */
import { encodeUtf7 } from "./utf7.ts";

// Printable ASCII but for the quote and the backslash: nearly everything.
const plain = /^[ !#-[\]-~]*$/;
const quotable = /^[ -~]*$/;
const escaped = /["\\]/g;
const unquotable = /\p{Cc}/u;
const longestQuoted = 4_096;

export function string(text: string, utf8: boolean): string {
  if (text.length <= longestQuoted) {
    if (plain.test(text)) return `"${text}"`;
    if (quotable.test(text) || (utf8 && !unquotable.test(text))) return `"${text.replace(escaped, "\\$&")}"`;
  }
  const whole = text.includes("\0") ? text.replaceAll("\0", "") : text; // RFC 9051 §9: CHAR8 is not NUL
  return `{${Buffer.byteLength(whole)}}\r\n${whole}`;
}

/** A mailbox name: UTF-8 for who enabled it, else modified UTF-7. RFC 6855 §3 */
export const mailboxName = (name: string, utf8: boolean): string =>
  string(utf8 ? name : encodeUtf7(name), utf8);

/** `1:3,7`: ascending numbers in their shortest form. */
export const ranges = (numbers: Iterable<number>): string => [...rangeWords(numbers)].join(",");

/** The same one by one: `1:3`, `7`. */
export function* rangeWords(numbers: Iterable<number>): Generator<string, void, void> {
  let first = -1;
  let last = -1;
  for (const n of numbers) {
    if (n !== last + 1 || first < 0) {
      if (first >= 0) yield word(first, last);
      first = n;
    }
    last = n;
  }
  if (first >= 0) yield word(first, last);
}

const word = (first: number, last: number): string => (first === last ? `${first}` : `${first}:${last}`);
