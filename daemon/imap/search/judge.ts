/**
 * Does a message fit a search? Answered from as little as possible: what is not known yet is no answer, and the search
 * goes on to the digest, and last to the octets.
 */
import type { Message } from "../../mailbox/view.ts";
import type { SearchKey } from "../command/search-keys.ts";
import { emailId, threadId } from "../fetch/render.ts";
import { type Fields, inEnvelope, sentDate } from "./fields.ts";

export interface Facts {
  readonly message: Message;
  /** Of the digest, when it is known. */
  readonly fields: Fields | undefined;
  /** What reading the octets has found, by key. */
  readonly found: ReadonlyMap<SearchKey, boolean> | undefined;
}

/** What the search stands in. */
export interface Setting {
  /** ms since the epoch */
  readonly now: number;
  /** Whether a set of numbers or UIDs names the message of this UID. */
  readonly isMember: (key: Extract<SearchKey, { kind: "numbers" }>, uid: number) => boolean;
}

const DAY = 86_400_000;

/** `undefined`: more must be known. */
export function judge(key: SearchKey, facts: Facts, setting: Setting): boolean | undefined {
  switch (key.kind) {
    case "all":
      return true;
    case "nothing":
      return false;
    case "and":
      return every(key.keys, facts, setting);
    case "or": {
      const either = judge(key.either, facts, setting);
      if (either === true) return true;
      const other = judge(key.other, facts, setting);
      return other === true ? true : either === undefined ? undefined : other;
    }
    case "not": {
      const inner = judge(key.key, facts, setting);
      return inner === undefined ? undefined : !inner;
    }
    case "header":
      return judgeHeader(key, facts);
    case "body":
    case "text":
      return key.text === "" ? true : facts.found?.get(key);
    default:
      return judgeRecord(key, facts, setting);
  }
}

function every(keys: readonly SearchKey[], facts: Facts, setting: Setting): boolean | undefined {
  let all: boolean | undefined = true;
  for (const key of keys) {
    const fits = judge(key, facts, setting);
    if (fits === false) return false;
    if (fits === undefined) all = undefined;
  }
  return all;
}

type RecordKey = Exclude<
  SearchKey,
  { kind: "all" | "nothing" | "and" | "or" | "not" | "header" | "body" | "text" }
>;

function judgeRecord(key: RecordKey, facts: Facts, setting: Setting): boolean | undefined {
  const { message } = facts;
  switch (key.kind) {
    case "flag":
      return hasFlag(message, key.flag) === key.set;
    case "numbers":
      return setting.isMember(key, message.uid);
    case "size":
      return key.than === "larger" ? message.size > key.octets : message.size < key.octets;
    case "modseq":
      return message.modseq >= key.modseq;
    case "within":
      return setting.now - message.internalDate > key.seconds * 1_000 === (key.than === "older");
    case "emailId":
      return emailId(message) === key.id;
    case "threadId":
      return facts.fields && threadId(message, facts.fields.digest) === key.id;
    case "date":
      return judgeDate(key, facts);
  }
}

function hasFlag({ flags }: Message, wanted: string): boolean {
  if (flags.includes(wanted)) return true;
  const lower = wanted.toLowerCase();
  return flags.some((flag) => flag.toLowerCase() === lower);
}

function judgeDate(
  { of, when, day }: Extract<SearchKey, { kind: "date" }>,
  facts: Facts,
): boolean | undefined {
  let at: number | undefined;
  if (of === "sent") {
    if (facts.fields === undefined) return undefined;
    // Without a date of its own, when it came is what we know. RFC 5256 §2.2
    at = sentDate(facts.fields.digest.envelope.date)?.day ?? facts.message.internalDate;
  } else at = of === "saved" ? facts.message.saveDate : facts.message.internalDate;
  if (when === "before") return at < day;
  return when === "since" ? at >= day : at >= day && at < day + DAY;
}

function judgeHeader(
  key: Extract<SearchKey, { kind: "header" }>,
  { fields, found }: Facts,
): boolean | undefined {
  if (fields === undefined) return undefined;
  if (key.text !== "" && inEnvelope.has(key.name) && !fields.digest.mayName(key.text)) return false;
  const known = fields.folded(key.name);
  // The digest may have cut a long field short: what it has is enough to say yes, the header itself says no.
  if (known !== undefined && key.text !== "" && known.includes(key.text)) return true;
  return known !== undefined && known.length < trusted ? known !== "" && key.text === "" : found?.get(key);
}

/** Fields below this length were not cut by the digest. */
const trusted = 400;

/** The keys that only the octets can answer. */
export function* readingKeys(key: SearchKey): Generator<SearchKey, void, void> {
  switch (key.kind) {
    case "and":
      for (const each of key.keys) yield* readingKeys(each);
      break;
    case "or":
      yield* readingKeys(key.either);
      yield* readingKeys(key.other);
      break;
    case "not":
      yield* readingKeys(key.key);
      break;
    case "header":
    case "body":
    case "text":
      yield key;
  }
}
