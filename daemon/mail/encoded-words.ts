/**
 * Text for header fields as encoded words; what is ASCII stays as it is.
 *
 * Spec: RFC 2047 §2 (words of at most 75 characters), §5 (characters are not split over words).
 */
import { isAscii } from "../kit/ascii.ts";

/** Octets of text in one word. */
const most = 42;

export function encodedWords(text: string): string {
  if (isAscii(text)) return text;
  const words: string[] = [];
  let piece = "";
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > most) {
      words.push(piece);
      piece = "";
    }
    piece += character;
  }
  return [...words, piece].map((word) => `=?utf-8?b?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}
