/**
 * What FETCH is asked for.
 *
 * In:     the arguments after the sequence set.
 * Out:    items with the name by which their answer is told.
 * Spec:   RFC 9051 §6.4.5, RFC 3501 §6.4.5 (RFC822…), RFC 3516 (BINARY), RFC 7162 §3.1.4, RFC 8474, RFC 8514, RFC 8970.
 */
import { syntax } from "../answer.ts";
import type { Cursor } from "../wire/cursor.ts";
import { string } from "../wire/encode.ts";

export interface Partial {
  readonly offset: number;
  readonly count: number;
}

export interface Section {
  /** `[1, 2]` for part 1.2; empty: the message itself. */
  readonly part: readonly number[];
  readonly text: "" | "HEADER" | "HEADER.FIELDS" | "HEADER.FIELDS.NOT" | "TEXT" | "MIME";
  /** In upper case. */
  readonly fields: readonly string[];
}

export type SimpleItem =
  | "UID"
  | "FLAGS"
  | "INTERNALDATE"
  | "RFC822.SIZE"
  | "ENVELOPE"
  | "BODY"
  | "BODYSTRUCTURE"
  | "MODSEQ"
  | "EMAILID"
  | "THREADID"
  | "SAVEDATE"
  | "PREVIEW";

export type FetchItem =
  | { readonly kind: "simple"; readonly name: SimpleItem }
  /** PREVIEW (LAZY) */
  | { readonly kind: "lazyPreview" }
  | {
      readonly kind: "section";
      readonly section: Section;
      readonly partial?: Partial;
      /** Reading it sets \Seen. */
      readonly marks: boolean;
      readonly label: string;
    }
  | {
      readonly kind: "binary";
      readonly part: readonly number[];
      readonly partial?: Partial;
      readonly marks: boolean;
      readonly label: string;
    }
  | { readonly kind: "binarySize"; readonly part: readonly number[]; readonly label: string };

const simple = (name: SimpleItem): FetchItem => ({ kind: "simple", name });
const fast = [simple("FLAGS"), simple("INTERNALDATE"), simple("RFC822.SIZE")];
const macros: Readonly<Record<string, readonly FetchItem[]>> = {
  FAST: fast,
  ALL: [...fast, simple("ENVELOPE")],
  FULL: [...fast, simple("ENVELOPE"), simple("BODY")],
};
const simpleNames = new Set<string>([
  "UID",
  "FLAGS",
  "INTERNALDATE",
  "RFC822.SIZE",
  "ENVELOPE",
  "BODY",
  "BODYSTRUCTURE",
  "MODSEQ",
  "EMAILID",
  "THREADID",
  "SAVEDATE",
] satisfies SimpleItem[]);

const whole: Section = { part: [], text: "", fields: [] };
const old: Readonly<Record<string, FetchItem>> = {
  RFC822: { kind: "section", section: whole, marks: true, label: "RFC822" },
  "RFC822.HEADER": {
    kind: "section",
    section: { ...whole, text: "HEADER" },
    marks: false,
    label: "RFC822.HEADER",
  },
  "RFC822.TEXT": { kind: "section", section: { ...whole, text: "TEXT" }, marks: true, label: "RFC822.TEXT" },
};

const nameShape = /[A-Za-z0-9.]+/y;

export function fetchItems(cursor: Cursor): FetchItem[] {
  if (cursor.looksAt("(")) return cursor.list(() => fetchItem(cursor), 1);
  for (const [name, items] of Object.entries(macros)) if (cursor.skipWord(name)) return [...items];
  return [fetchItem(cursor)];
}

function fetchItem(cursor: Cursor): FetchItem {
  const name = nameAt(cursor);
  const bracket = cursor.looksAt("[");
  if (bracket && (name === "BODY" || name === "BODY.PEEK")) return section(cursor, name === "BODY");
  if (bracket && (name === "BINARY" || name === "BINARY.PEEK")) return binary(cursor, name === "BINARY");
  if (bracket && name === "BINARY.SIZE") {
    const part = binaryPart(cursor);
    return { kind: "binarySize", part, label: `BINARY.SIZE[${part.join(".")}]` };
  }
  if (bracket) throw syntax(`Unknown item ${name}`);
  if (name === "PREVIEW") return preview(cursor);
  if (simpleNames.has(name)) return simple(name as SimpleItem);
  const item = old[name];
  if (item === undefined) throw syntax(`Unknown item ${name}`);
  return item;
}

function nameAt(cursor: Cursor): string {
  nameShape.lastIndex = cursor.at;
  const name = nameShape.exec(cursor.text)?.[0];
  if (name === undefined) throw syntax("Expected an item to fetch");
  cursor.at += name.length;
  return name.toUpperCase();
}

/** RFC 8970 §3.1: modifiers in brackets; LAZY is the only one. */
function preview(cursor: Cursor): FetchItem {
  if (!cursor.text.startsWith(" (", cursor.at)) return simple("PREVIEW");
  cursor.space();
  const [modifier] = cursor.list(() => cursor.word(), 1);
  if (modifier !== "LAZY") throw syntax("Unknown modifier of PREVIEW");
  return { kind: "lazyPreview" };
}

const partShape = /\d{1,9}(?:\.\d{1,9})*/y;

function partAt(cursor: Cursor): number[] {
  partShape.lastIndex = cursor.at;
  const text = partShape.exec(cursor.text)?.[0];
  if (text === undefined) return [];
  cursor.at += text.length;
  const part = text.split(".").map(Number);
  if (part.includes(0) || part.length > 100) throw syntax("Invalid part number");
  return part;
}

function section(cursor: Cursor, marks: boolean): FetchItem {
  cursor.expect("[");
  const part = partAt(cursor);
  let text: Section["text"] = "";
  let fields: string[] = [];
  if (part.length === 0 ? !cursor.looksAt("]") : cursor.skip(".")) {
    text = sectionText(nameAt(cursor), part.length > 0);
    if (text.startsWith("HEADER.FIELDS")) {
      cursor.space();
      fields = cursor.list(() => cursor.astring().toUpperCase(), 1);
    }
  }
  cursor.expect("]");
  const partial = partialAt(cursor);
  const label = `BODY[${sectionLabel(part, text, fields)}]${origin(partial)}`;
  return { kind: "section", section: { part, text, fields }, marks, label, ...(partial && { partial }) };
}

function sectionText(name: string, inPart: boolean): Section["text"] {
  switch (name) {
    case "HEADER":
    case "HEADER.FIELDS":
    case "HEADER.FIELDS.NOT":
    case "TEXT":
      return name;
    case "MIME":
      if (inPart) return name;
  }
  throw syntax(`Unknown section ${name}`);
}

function sectionLabel(part: readonly number[], text: string, fields: readonly string[]): string {
  const words = [...part.map(String), ...(text === "" ? [] : [text])].join(".");
  return fields.length === 0 ? words : `${words} (${fields.map(fieldLabel).join(" ")})`;
}

const fieldLabel = (name: string) =>
  /^[A-Z0-9!#$&'+,./:;<=>?@^_`|~-]+$/.test(name) ? name : string(name, false);

const origin = (partial: Partial | undefined) => (partial === undefined ? "" : `<${partial.offset}>`);

const partialShape = /<(\d{1,15})\.(\d{1,15})>/y;

function partialAt(cursor: Cursor): Partial | undefined {
  if (!cursor.looksAt("<")) return undefined;
  partialShape.lastIndex = cursor.at;
  const match = partialShape.exec(cursor.text);
  const count = Number(match?.[2]);
  if (!match || count < 1) throw syntax("Invalid partial range");
  cursor.at += match[0].length;
  return { offset: Number(match[1]), count };
}

function binaryPart(cursor: Cursor): number[] {
  cursor.expect("[");
  const part = partAt(cursor);
  cursor.expect("]");
  return part;
}

function binary(cursor: Cursor, marks: boolean): FetchItem {
  const part = binaryPart(cursor);
  const partial = partialAt(cursor);
  const label = `BINARY[${part.join(".")}]${origin(partial)}`;
  return { kind: "binary", part, marks, label, ...(partial && { partial }) };
}
