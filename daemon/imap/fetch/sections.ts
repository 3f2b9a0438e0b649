/**
 * Where a section of a message lies.
 *
 * In:     the digest, a section as the client named it.
 * Out:    the range of octets, and the header fields to pick from it; `undefined`: there is no such section.
 * Spec:   RFC 9051 §6.4.5.1 (numbering of parts: a message that is no multipart has one part, 1).
 */
import type { Part, Range } from "../../mailbox/digest.ts";
import type { Message } from "../../mailbox/view.ts";
import type { Section } from "../command/fetch-items.ts";

export interface Place {
  readonly range: Range;
  /** The header to pick fields from; their names in upper case. */
  readonly pick?: { readonly names: ReadonlySet<string>; readonly others: boolean };
}

/** The section is the message as it is: no digest is needed to find it. */
export const isWhole = ({ part, text }: Section): boolean => part.length === 0 && text === "";

export const wholeMessage = ({ size }: Message): Place => ({ range: { offset: 0, size } });

export function placeOf(structure: Part, section: Section): Place | undefined {
  if (section.part.length === 0) return inMessage(structure, section);
  const part = partAt(structure, section.part);
  if (part === undefined) return undefined;
  switch (section.text) {
    case "":
      return { range: part.body };
    case "MIME":
      return { range: part.header };
    default: // HEADER and TEXT of a part are those of the message that it holds
      return part.message ? inMessage(part.message.structure, section) : undefined;
  }
}

function inMessage(structure: Part, { text, fields }: Section): Place | undefined {
  switch (text) {
    case "HEADER":
      return { range: structure.header };
    case "TEXT":
      return { range: structure.body };
    case "HEADER.FIELDS":
    case "HEADER.FIELDS.NOT":
      return {
        range: structure.header,
        pick: { names: new Set(fields), others: text === "HEADER.FIELDS.NOT" },
      };
    default:
      return undefined;
  }
}

export function partAt(structure: Part, path: readonly number[]): Part | undefined {
  /** What is looked into: a message, or a multipart. */
  let outer: Part | undefined = structure;
  let found: Part | undefined;
  for (const number of path) {
    if (outer === undefined) return undefined;
    found = isMultipart(outer) ? outer.parts[number - 1] : number === 1 ? outer : undefined;
    if (found === undefined) return undefined;
    outer = found.message?.structure ?? (isMultipart(found) ? found : undefined);
  }
  return found;
}

const isMultipart = ({ type, parts }: Part) => type === "multipart" && parts.length > 0;

const lf = 10;
const colon = 58;

/** The fields that are wanted, as they are written, and an empty line. */
export function pickFields(header: Buffer, { names, others }: NonNullable<Place["pick"]>): Buffer {
  const taken: Buffer[] = [];
  let at = 0;
  while (at < header.length) {
    const end = fieldEnd(header, at);
    const stop = header.indexOf(colon, at);
    const name =
      stop === -1 || stop >= end ? "" : header.toString("latin1", at, stop).trimEnd().toUpperCase();
    if (name !== "" && names.has(name) !== others) taken.push(header.subarray(at, end));
    at = end;
  }
  taken.push(Buffer.from("\r\n"));
  return Buffer.concat(taken);
}

/** After the line ends of a field and its continuations. */
function fieldEnd(header: Buffer, at: number): number {
  let end = at;
  do {
    const next = header.indexOf(lf, end);
    if (next === -1) return header.length;
    end = next + 1;
  } while (header[end] === 32 || header[end] === 9);
  return end;
}
