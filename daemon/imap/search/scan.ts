/**
 * Reads a message for the keys of a search that its digest does not answer: other header fields, BODY, TEXT.
 *
 * Limits: 16 MiB of each text part, decoded piece by piece; nothing is held but the end of the piece before. 1 MiB of the
 *         header, 64 KiB of each field. Turns are short however many keys, fields or octets there are.
 * Spec:   RFC 9051 §6.4.4 (BODY, TEXT, HEADER match decoded text, in any case).
 */
import type { Digest } from "../../mailbox/digest.ts";
import type { SearchKey } from "../command/search-keys.ts";
import type { Pace } from "../pace.ts";
import type { Octets } from "../reading.ts";
import { decodeText } from "../text/charset.ts";
import { decodedText, textParts } from "../text/message.ts";
import { decodeWords } from "../text/words.ts";
import { fold } from "./fields.ts";

const mostOfPart = 16 * 1024 * 1024;
const mostOfHeader = 1024 * 1024;
const mostOfField = 64 * 1024;

interface Needle {
  readonly key: SearchKey;
  readonly text: string;
}

export interface Scanned {
  readonly octets: Octets;
  readonly digest: Digest;
  readonly pace: Pace;
}

export async function scan(scanned: Scanned, keys: readonly SearchKey[]): Promise<Map<SearchKey, boolean>> {
  const found = new Map<SearchKey, boolean>(keys.map((key) => [key, false]));
  if (keys.some(({ kind }) => kind === "header" || kind === "text")) await scanHeader(scanned, keys, found);
  const needles: Needle[] = [];
  for (const key of keys)
    if ((key.kind === "body" || key.kind === "text") && !found.get(key))
      needles.push({ key, text: key.text });
  await scanParts(scanned, needles, found);
  return found;
}

async function scanHeader(
  { octets, digest, pace }: Scanned,
  keys: readonly SearchKey[],
  found: Map<SearchKey, boolean>,
): Promise<void> {
  const { offset, size } = digest.structure.header;
  const parts: Uint8Array[] = [];
  for await (const piece of octets.read({ offset, size: Math.min(size, mostOfHeader) })) parts.push(piece);
  for (const { name, value } of fieldsOf(decodeText(Buffer.concat(parts), undefined))) {
    if (pace.due) await pace.rest();
    for (const key of keys) {
      if (key.kind === "header" && key.name === name && value.includes(key.text)) found.set(key, true);
      if (key.kind === "text" && `${name}: ${value}`.includes(key.text)) found.set(key, true);
      if (pace.due) await pace.rest();
    }
  }
}

const continued = /\r?\n(?=[ \t])/g;

/** One at a time: a header may have very many. */
function* fieldsOf(header: string): Generator<{ readonly name: string; readonly value: string }, void, void> {
  const lineEnd = /\r?\n(?![ \t])/g; // its own: others go on between two fields
  for (let at = 0; at < header.length; ) {
    lineEnd.lastIndex = at;
    const end = lineEnd.exec(header);
    const field = header
      .slice(at, Math.min(end?.index ?? header.length, at + mostOfField))
      .replace(continued, "");
    at = end === null ? header.length : end.index + end[0].length;
    if (field === "") continue;
    const colon = field.indexOf(":");
    const name = fold(field.slice(0, colon).trimEnd());
    yield { name, value: fold(decodeWords(field.slice(colon + 1).trim())) };
  }
}

async function scanParts(
  { octets, digest, pace }: Scanned,
  needles: readonly Needle[],
  found: Map<SearchKey, boolean>,
): Promise<void> {
  let left = needles;
  const keep = Math.max(0, ...needles.map(({ text }) => text.length - 1));
  for (const part of textParts(digest.structure)) {
    if (left.length === 0) return;
    let before = "";
    for await (const piece of decodedText(octets, part, mostOfPart)) {
      const text = before + fold(piece);
      for (const { key, text: wanted } of left) {
        if (text.includes(wanted)) found.set(key, true);
        if (pace.due) await pace.rest();
      }
      left = left.filter(({ key }) => !found.get(key));
      if (left.length === 0) return;
      before = keep === 0 ? "" : text.slice(-keep);
      if (pace.due) await pace.rest();
    }
  }
}
