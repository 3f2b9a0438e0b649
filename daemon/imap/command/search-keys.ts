/**
 * What SEARCH, SORT and THREAD are asked for.
 *
 * In:     search keys as the client wrote them.
 * Out:    a tree of keys; texts decoded from the client's charset.
 * Fails:  `Refusal` with NO [BADCHARSET] for a charset that we do not know, BAD for broken grammar.
 * Spec:   RFC 9051 §6.4.4, RFC 5032 (WITHIN), RFC 7162 §3.1.5 (MODSEQ), RFC 8474 §5, RFC 8514 §4.
 */
import { refuse, syntax } from "../answer.ts";
import { fold } from "../search/fields.ts";
import { type Cursor, utf8 } from "../wire/cursor.ts";
import { parseDate } from "../wire/dates.ts";
import { isSequenceSet, type SequenceSet, sequenceSet } from "./sequence-set.ts";

export type SearchKey =
  | { readonly kind: "all" }
  | { readonly kind: "and"; readonly keys: readonly SearchKey[] }
  | { readonly kind: "or"; readonly either: SearchKey; readonly other: SearchKey }
  | { readonly kind: "not"; readonly key: SearchKey }
  | { readonly kind: "flag"; readonly flag: string; readonly set: boolean }
  | { readonly kind: "numbers"; readonly set: SequenceSet; readonly uid: boolean }
  /** Texts are folded: case does not count. */
  | { readonly kind: "header"; readonly name: string; readonly text: string }
  | { readonly kind: "body" | "text"; readonly text: string }
  | { readonly kind: "size"; readonly than: "larger" | "smaller"; readonly octets: number }
  | {
      readonly kind: "date";
      readonly of: "internal" | "sent" | "saved";
      readonly when: "before" | "on" | "since";
      readonly day: number;
    }
  | { readonly kind: "within"; readonly than: "older" | "younger"; readonly seconds: number }
  | { readonly kind: "modseq"; readonly modseq: number }
  | { readonly kind: "emailId" | "threadId"; readonly id: string }
  | { readonly kind: "nothing" };

type Parse = (cursor: Cursor, decode: (raw: string) => string) => SearchKey;

const flag =
  (name: string, set: boolean): Parse =>
  () => ({ kind: "flag", flag: name, set });
const header =
  (name: string): Parse =>
  (cursor, decode) => ({ kind: "header", name, text: argument(cursor, decode) });
const text =
  (kind: "body" | "text"): Parse =>
  (cursor, decode) => ({ kind, text: argument(cursor, decode) });
const date =
  (of: "internal" | "sent" | "saved", when: "before" | "on" | "since"): Parse =>
  (cursor) => ({ kind: "date", of, when, day: dayArgument(cursor) });
const size =
  (than: "larger" | "smaller"): Parse =>
  (cursor) => ({ kind: "size", than, octets: numberArgument(cursor) });
const within =
  (than: "older" | "younger"): Parse =>
  (cursor) => ({ kind: "within", than, seconds: numberArgument(cursor) });
const id =
  (kind: "emailId" | "threadId"): Parse =>
  (cursor) => {
    cursor.space();
    return { kind, id: cursor.astring() };
  };

/** New mail as RFC 3501 had it needs \Recent, which nobody keeps any more: RFC 9051 Appendix E. */
const recent: SearchKey = { kind: "nothing" };

const parsers: Readonly<Record<string, Parse>> = {
  ALL: () => ({ kind: "all" }),
  ANSWERED: flag("\\Answered", true),
  BCC: header("bcc"),
  BEFORE: date("internal", "before"),
  BODY: text("body"),
  CC: header("cc"),
  DELETED: flag("\\Deleted", true),
  DRAFT: flag("\\Draft", true),
  EMAILID: id("emailId"),
  FLAGGED: flag("\\Flagged", true),
  FROM: header("from"),
  HEADER: (cursor, decode) => {
    cursor.space();
    const name = cursor.astring().toLowerCase();
    return { kind: "header", name, text: argument(cursor, decode) };
  },
  KEYWORD: (cursor) => ({ kind: "flag", flag: flagArgument(cursor), set: true }),
  LARGER: size("larger"),
  MODSEQ: modseq,
  NEW: () => recent,
  NOT: (cursor, decode) => {
    cursor.space();
    return { kind: "not", key: searchKey(cursor, decode) };
  },
  OLD: () => ({ kind: "all" }),
  OLDER: within("older"),
  ON: date("internal", "on"),
  OR: (cursor, decode) => {
    cursor.space();
    const either = searchKey(cursor, decode);
    cursor.space();
    return { kind: "or", either, other: searchKey(cursor, decode) };
  },
  RECENT: () => recent,
  SAVEDATESUPPORTED: () => ({ kind: "all" }),
  SAVEDBEFORE: date("saved", "before"),
  SAVEDON: date("saved", "on"),
  SAVEDSINCE: date("saved", "since"),
  SEEN: flag("\\Seen", true),
  SENTBEFORE: date("sent", "before"),
  SENTON: date("sent", "on"),
  SENTSINCE: date("sent", "since"),
  SINCE: date("internal", "since"),
  SMALLER: size("smaller"),
  SUBJECT: header("subject"),
  TEXT: text("text"),
  THREADID: id("threadId"),
  TO: header("to"),
  UID: (cursor) => {
    cursor.space();
    return { kind: "numbers", set: sequenceSet(cursor), uid: true };
  },
  UNANSWERED: flag("\\Answered", false),
  UNDELETED: flag("\\Deleted", false),
  UNDRAFT: flag("\\Draft", false),
  UNFLAGGED: flag("\\Flagged", false),
  UNKEYWORD: (cursor) => ({ kind: "flag", flag: flagArgument(cursor), set: false }),
  UNSEEN: flag("\\Seen", false),
  YOUNGER: within("younger"),
};

/** One or more keys, all of which must fit. */
export function searchProgram(cursor: Cursor, decode: (raw: string) => string): SearchKey {
  const keys = [searchKey(cursor, decode)];
  while (cursor.skip(" ")) {
    if (keys.length >= cursor.limits.listItems) throw syntax("Too many search keys");
    keys.push(searchKey(cursor, decode));
  }
  cursor.end();
  return keys.length === 1 ? (keys[0] as SearchKey) : { kind: "and", keys };
}

function searchKey(cursor: Cursor, decode: (raw: string) => string): SearchKey {
  if (cursor.looksAt("(")) return { kind: "and", keys: cursor.list(() => searchKey(cursor, decode), 1) };
  if (isSequenceSet(cursor)) return { kind: "numbers", set: sequenceSet(cursor), uid: false };
  const name = cursor.word();
  const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  if (parse === undefined) throw syntax(`Unknown search key ${name}`);
  cursor.deeper(); // NOT NOT NOT …
  const key = parse(cursor, decode);
  cursor.shallower();
  return key;
}

function argument(cursor: Cursor, decode: (raw: string) => string): string {
  cursor.space();
  return fold(decode(cursor.rawAstring()));
}

function numberArgument(cursor: Cursor): number {
  cursor.space();
  return cursor.number();
}

function flagArgument(cursor: Cursor): string {
  cursor.space();
  return cursor.atom();
}

function dayArgument(cursor: Cursor): number {
  cursor.space();
  const day = parseDate(cursor.rawAstring());
  if (day === undefined) throw syntax("Invalid date");
  return day;
}

/** `MODSEQ ["/flags/…" all] number`: entries per flag are not kept, so the message's own value counts. RFC 7162 §3.1.5 */
function modseq(cursor: Cursor): SearchKey {
  cursor.space();
  if (cursor.rawString() !== undefined) {
    cursor.space();
    if (!["PRIV", "SHARED", "ALL"].includes(cursor.word())) throw syntax("Invalid type of entry");
    cursor.space();
  }
  return { kind: "modseq", modseq: cursor.number() };
}

/** Does any key ask for mod-sequences? Then the answer tells them. RFC 7162 §3.1.5 */
export function asksModseq(key: SearchKey): boolean {
  switch (key.kind) {
    case "modseq":
      return true;
    case "and":
      return key.keys.some(asksModseq);
    case "or":
      return asksModseq(key.either) || asksModseq(key.other);
    case "not":
      return asksModseq(key.key);
    default:
      return false;
  }
}

/** The decoder for a charset's name. */
export function charsetDecoder(name: string): (raw: string) => string {
  const upper = name.toUpperCase();
  if (upper === "UTF-8" || upper === "US-ASCII") return utf8;
  try {
    const decoder = new TextDecoder(name);
    return (raw) => decoder.decode(Buffer.from(raw, "latin1"));
  } catch {
    throw refuse("Unknown charset", "BADCHARSET (UTF-8 US-ASCII)");
  }
}
