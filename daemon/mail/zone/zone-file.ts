/**
 * Records as a zone file writes them, to copy.
 *
 * Out:    one line a record; host names are complete (final dot); long text is cut into strings of at most 255 octets.
 * Spec:   RFC 1035 §5.1 (master files), §3.3.14 with §3.3 (character strings), RFC 7208 §3.3 (strings are joined).
 */
import type { WantedRecord } from "./records.ts";

const stringOctets = 255;
const ttlSeconds = 3600;

export function zoneFile(records: readonly Pick<WantedRecord, "type" | "name" | "value">[]): string {
  const width = Math.max(0, ...records.map(({ name }) => name.length + 1));
  return records
    .map((record) => {
      const name = `${record.name}.`.padEnd(width);
      return `${name} ${ttlSeconds} IN ${record.type.padEnd(5)} ${zoneValue(record)}\n`;
    })
    .join("");
}

/** The data part: text in quotes, names with their final dots. */
export function zoneValue({ type, value }: Pick<WantedRecord, "type" | "value">): string {
  if (type !== "TXT") return value.endsWith(".") ? value : `${value}.`;
  return characterStrings(value)
    .map((part) => `"${quoted(part)}"`)
    .join(" ");
}

/** Text in pieces that each fit a character string. Cut between octets: who reads it joins them first. */
export function characterStrings(text: string): readonly Buffer[] {
  const octets = Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  for (let at = 0; at < octets.length; at += stringOctets) parts.push(octets.subarray(at, at + stringOctets));
  return parts.length > 0 ? parts : [octets];
}

function quoted(octets: Buffer): string {
  let text = "";
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else if (octet >= 0x20 && octet < 0x7f) text += String.fromCharCode(octet);
    else text += `\\${String(octet).padStart(3, "0")}`;
  }
  return text;
}
