/**
 * PREVIEW: the first words of a message.
 *
 * Out:    at most 200 characters of the first text that a reader would see; "" when there is none.
 * Spec:   RFC 8970 §4.
 */

import { oneLine } from "../../mail/text.ts";
import type { Digest, Part } from "../../mailbox/digest.ts";
import type { Octets } from "../reading.ts";
import { decodedText, textParts } from "./message.ts";

const mostOctets = 16_384;
const mostCharacters = 200;

const comments = /<!--[\s\S]*?(?:-->|$)|<(style|script|head|title)\b[\s\S]*?(?:<\/\1\s*>|$)/gi;
const tags = /<[^>]*(?:>|$)/g;
const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  nbsp: " ",
  apos: "'",
};
/** Quotations of earlier mail say nothing new. */
const quoted = /^>.*$/gm;

export async function preview(message: Octets, digest: Digest): Promise<string> {
  const part = partToShow(digest.structure);
  if (part === undefined) return "";
  let text = "";
  for await (const piece of decodedText(message, part, mostOctets)) text += piece;
  const plain = part.subtype === "html" ? stripTags(text) : text.replace(quoted, "");
  return [...oneLine(plain.replace(/\s+/g, " "), mostCharacters)].slice(0, mostCharacters).join("");
}

function partToShow(structure: Part): Part | undefined {
  let html: Part | undefined;
  for (const part of textParts(structure)) {
    if (part.disposition?.type === "attachment") continue;
    if (part.subtype === "plain") return part;
    if (part.subtype === "html") html ??= part;
  }
  return html;
}

const stripTags = (html: string): string =>
  html
    .replace(comments, " ")
    .replace(tags, " ")
    .replace(/&(#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) =>
      name.startsWith("#") ? character(Number(name.slice(1))) : (entities[name.toLowerCase()] ?? whole),
    );

const character = (code: number): string => (code > 0 && code < 0x11_0000 ? String.fromCodePoint(code) : " ");
