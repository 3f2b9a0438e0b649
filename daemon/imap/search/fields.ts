/**
 * What SEARCH, SORT and THREAD compare: header fields as text, the sent date, the base subject.
 *
 * Spec:   RFC 9051 §6.4.4 (SENT… disregards time and zone), RFC 5322 §3.3 and §4.3 (dates), RFC 5256 §2.1, §2.2.
 */
import type { Digest, EnvelopeAddress } from "../../mailbox/digest.ts";
import { decodeWords } from "../text/words.ts";

/** Case does not count. */
export const fold = (text: string): string => text.toLowerCase();

/** What a digest says of header fields, decoded and folded once, however many keys ask for it. */
export class Fields {
  readonly digest: Digest;
  readonly #known = new Map<string, string | undefined>();

  constructor(digest: Digest) {
    this.digest = digest;
  }

  /** `undefined`: look into the header. */
  folded(name: string): string | undefined {
    if (this.#known.has(name)) return this.#known.get(name);
    const value = fieldOf(this.digest, name);
    const folded = value === undefined ? undefined : fold(value);
    this.#known.set(name, folded);
    return folded;
  }
}

/** Fields that the digest has. */
export const inEnvelope: ReadonlySet<string> = new Set([
  "subject",
  "from",
  "to",
  "cc",
  "bcc",
  "message-id",
  "in-reply-to",
]);

/** The field's decoded value when the digest has it; `undefined`: look into the header. */
function fieldOf({ envelope }: Digest, name: string): string | undefined {
  switch (name) {
    case "subject":
      return decodeWords(envelope.subject ?? "");
    case "from":
      return addressText(envelope.from);
    case "to":
      return addressText(envelope.to);
    case "cc":
      return addressText(envelope.cc);
    case "bcc":
      return addressText(envelope.bcc);
    case "message-id":
      return envelope.messageId ?? "";
    case "in-reply-to":
      return envelope.inReplyTo ?? "";
    default:
      return undefined;
  }
}

const addressText = (list: readonly EnvelopeAddress[]): string =>
  list
    .map(({ name, local, host }) => {
      const address = host === null ? (local ?? "") : `${local}@${host}`;
      return name === null ? address : `${decodeWords(name)} <${address}>`;
    })
    .join(", ");

const months = "janfebmaraprmayjunjulaugsepoctnovdec";
const shape =
  /(\d{1,2})\s+([a-z]{3})[a-z]*\s+(\d{2,4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*([+-]\d{4})?/i;

export interface SentDate {
  /** ms since the epoch */
  readonly at: number;
  /** The first millisecond of the day that is written, whatever the zone. */
  readonly day: number;
}

export function sentDate(date: string | null): SentDate | undefined {
  const match = date === null ? null : shape.exec(date);
  if (!match) return undefined;
  const [, day, month = "", year = "", h = "0", m = "0", s = "0", zone = "+0000"] = match;
  const index = months.indexOf(month.toLowerCase());
  if (index < 0 || index % 3 !== 0) return undefined;
  const start = Date.UTC(fullYear(year), index / 3, Number(day));
  const offset = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))) * (zone.startsWith("-") ? -1 : 1);
  const at = start + ((Number(h) * 60 + Number(m) - offset) * 60 + Number(s)) * 1_000;
  return Number.isFinite(at) ? { at, day: start } : undefined;
}

/** RFC 5322 §4.3: two digits up to 49 are of this century; three count from 1900. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 4) return year;
  return text.length === 2 && year < 50 ? year + 2000 : year + 1900;
}

const lead = /^(?:re|fwd?)\s*(?:\[[^[\]]*\])?\s*:\s*/i;
const blob = /^\[[^[\]]*\]\s*/;
const trailer = /(?:\s|\(fwd\))+$/i;
const wrapped = /^\[fwd:([\s\S]*)\]$/i;

/** Without Re:, Fwd:, [list] and (fwd): the same for all messages of a conversation. RFC 5256 §2.1 */
export function baseSubject(subject: string | null): { readonly text: string; readonly reply: boolean } {
  let text = decodeWords(subject ?? "")
    .replace(/\s+/g, " ")
    .trim();
  let reply = false;
  for (;;) {
    const bare = text.replace(trailer, "");
    reply ||= bare.length < text.trimEnd().length;
    text = stripLeads(bare, () => {
      reply = true;
    });
    const inner = wrapped.exec(text)?.[1];
    if (inner === undefined) return { text: fold(text), reply };
    reply = true;
    text = inner.trim();
  }
}

function stripLeads(subject: string, onReply: () => void): string {
  let text = subject;
  for (;;) {
    // `[list] Re: x`: the blobs go with the Re: that follows them.
    const afterBlobs = text.replace(/^(?:\[[^[\]]*\]\s*)+(?=(?:re|fwd?)\s*(?:\[[^[\]]*\])?\s*:)/i, "");
    const led = afterBlobs.replace(lead, "");
    if (led !== afterBlobs) {
      onReply();
      text = led;
      continue;
    }
    const unblobbed = text.replace(blob, "");
    if (unblobbed === text || unblobbed === "") return text;
    text = unblobbed;
  }
}
