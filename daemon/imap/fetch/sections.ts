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

/** The fields that are wanted, as they are written, and an empty line. */
export function pickFields(header: Buffer, { names, others }: NonNullable<Place["pick"]>): Buffer {
  const text = header.toString("latin1"); // octets as they are, and looked through faster
  let taken = "";
  for (let at = 0; at < text.length; ) {
    const end = fieldEnd(text, at);
    const colon = text.indexOf(":", at);
    const name = colon === -1 || colon >= end ? "" : text.slice(at, colon).trimEnd().toUpperCase();
    if (name !== "" && names.has(name) !== others) taken += text.slice(at, end);
    at = end;
  }
  return Buffer.from(`${taken}\r\n`, "latin1");
}

/** After the line ends of a field and its continuations. */
function fieldEnd(text: string, at: number): number {
  let end = at;
  do {
    const next = text.indexOf("\n", end);
    if (next === -1) return text.length;
    end = next + 1;
  } while (text[end] === " " || text[end] === "\t");
  return end;
}
