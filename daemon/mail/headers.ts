/**
 * Header scanner: what must be known of a message while it passes by, from the octets of its header section only.
 *
 * In:     octets, split anywhere, from the start of the message.
 * Out:    `HeaderFacts`; the body is never looked at.
 * Fails:  never. What is not a header field ends the header section, as with Postfix: whoever leaves out the empty line
 *         gets a body that starts there. Past `limit` octets the section counts as endless and scanning ends.
 * Spec:   RFC 5322 §2.2 (fields, folding); RFC 5321 §6.3 (loop detection by Received); RFC 9228 (Delivered-To);
 *         RFC 8689 §3 (TLS-Required).
 *
 * Memory: one line's first `lineKept` octets and a few field values, whatever comes in.
 */
import { isAscii } from "node:buffer";

/** Octets of header fields that are looked at. */
export const headerLimit = 256 << 10;
const lineKept = 2048;
/** No field has a longer name. */
const nameKept = 256;
const valueKept = 1000;
const deliveredToKept = 200;
const lf = 10;
const cr = 13;
const colon = 58;

export interface HeaderFacts {
  /** Received fields: the hops so far. */
  readonly received: number;
  /** Values of Delivered-To, top first. */
  readonly deliveredTo: readonly string[];
  /** Value of the first Message-ID field, unfolded. */
  readonly messageId: string | undefined;
  /** There is a Date field. */
  readonly date: boolean;
  /** `TLS-Required: No`: rather in plain text than not at all. */
  readonly tlsOptional: boolean;
  /** An octet above 127 occurs in the header section. */
  readonly eightBit: boolean;
  /** Where the body begins (after the empty line), or `undefined`: no body came, or the section is endless. */
  readonly bodyOffset: number | undefined;
  /** No empty line ends the section, but one that is no field, at `bodyOffset`. Other readers would read on in the header. */
  readonly emptyLineMissing: boolean;
  /** The section did not end within the limit: it was not looked at to its end. */
  readonly endless: boolean;
}

/** Most fields are passed over by the length of their names. */
const lengthsOfInterest: ReadonlySet<number> = new Set(
  ["received", "date", "delivered-to", "message-id", "tls-required"].map((name) => name.length),
);

type Wanted = "delivered-to" | "message-id" | "tls-required";

export class HeaderScanner {
  readonly #limit: number;
  /** Octets before the line that is read now. */
  #lineStart = 0;
  #rest: Buffer | undefined;
  #restLength = 0;
  #restEightBit = false;
  #done = false;
  #received = 0;
  readonly #deliveredTo: string[] = [];
  #messageId: string | undefined;
  #date = false;
  #tlsOptional = false;
  #eightBit = false;
  #bodyOffset: number | undefined;
  #emptyLineMissing = false;
  #endless = false;
  /** The field whose value goes on when the next line is indented. */
  #open: { readonly name: Wanted; value: string } | undefined;

  constructor(limit = headerLimit) {
    this.#limit = limit;
  }

  /** Octets that are known to be the header's, whatever comes: of a line that is no field this may not be seen yet. */
  get sure(): number {
    return this.#lineStart + (this.#isLong ? this.#restLength : 0);
  }

  /** Takes the next octets; true when the header section is over and the rest need not be given. */
  write(chunk: Uint8Array): boolean {
    if (this.#done) return true;
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (this.#restLength > 0) {
      at = octets.indexOf(lf) + 1;
      if (at > 0) this.#joinedLine(octets.subarray(0, at));
    }
    const from = at;
    for (let end = octets.indexOf(lf, at) + 1; end > 0 && !this.#done; end = octets.indexOf(lf, at) + 1) {
      if (this.#wholeLine(octets, at, end, end - at)) at = end;
    }
    if (!this.#eightBit && at > from && !isAscii(octets.subarray(from, at))) this.#eightBit = true;
    if (!this.#done && at < octets.length) this.#keep(octets.subarray(at));
    return this.#done;
  }

  /** The message is over, or enough was given. */
  end(): HeaderFacts {
    if (!this.#done && this.#restLength > 0) this.#joinedLine(Buffer.alloc(0));
    this.#close();
    return {
      received: this.#received,
      deliveredTo: this.#deliveredTo,
      messageId: this.#messageId,
      date: this.#date,
      tlsOptional: this.#tlsOptional,
      eightBit: this.#eightBit,
      bodyOffset: this.#bodyOffset,
      emptyLineMissing: this.#emptyLineMissing,
      endless: this.#endless,
    };
  }

  /** Keeps the start of a line whose end has not come. The chunk may be reused, so octets are copied. */
  #keep(part: Buffer): void {
    this.#restEightBit ||= !isAscii(part);
    this.#restLength += part.length;
    const room = lineKept - (this.#rest?.length ?? 0);
    if (room > 0) {
      const taken = part.subarray(0, room);
      this.#rest = this.#rest ? Buffer.concat([this.#rest, taken]) : Buffer.from(taken);
    }
    const rest = this.#rest;
    if (!rest || !this.#isLong) return;
    if (!isHeaderLine(rest, 0, rest.length, this.#lineStart === 0)) this.#noField(this.#lineStart);
    else if (this.#lineStart + this.#restLength > this.#limit) this.#giveUp();
  }

  /** Of a line whose end has not come there is enough to tell what it is. */
  get #isLong(): boolean {
    return this.#restLength >= nameKept;
  }

  /** A line that began in an earlier chunk and ends with `tail`. */
  #joinedLine(tail: Buffer): void {
    const rest = this.#rest ?? tail;
    const length = this.#restLength + tail.length;
    const line = rest.length < lineKept ? Buffer.concat([rest, tail]) : rest;
    const eightBit = this.#restEightBit || !isAscii(tail);
    this.#rest = undefined;
    this.#restLength = 0;
    this.#restEightBit = false;
    if (this.#wholeLine(line, 0, line.length, length)) this.#eightBit ||= eightBit;
  }

  /** The line from `at` to `end`, that is `length` octets in the message; true when the header section holds it. */
  #wholeLine(octets: Buffer, at: number, end: number, length: number): boolean {
    const start = this.#lineStart;
    this.#lineStart += length;
    const beyond = this.#lineStart > this.#limit;
    if (octets[at] === lf || (length === 2 && octets[at] === cr)) {
      if (beyond) this.#giveUp();
      else this.#finish(start + length);
    } else if (beyond && isHeaderLine(octets, at, end, start === 0)) this.#giveUp();
    else if (this.#line(octets, at, end, start === 0)) return true;
    else this.#noField(start);
    return false;
  }

  /** False: this is no line of a header section. */
  #line(octets: Buffer, at: number, end: number, first: boolean): boolean {
    const c = octets[at];
    if (c === 32 || c === 9) {
      const open = this.#open;
      if (open && open.value.length < valueKept) open.value += ` ${fieldValue(octets, at, end)}`;
      return !first;
    }
    this.#close();
    const nameEnd = fieldNameEnd(octets, at, end);
    if (nameEnd === at) return first && isEnvelopeLine(octets, at, end);
    if (lengthsOfInterest.has(nameEnd - at)) this.#field(octets, at, nameEnd, end);
    return true;
  }

  #field(octets: Buffer, at: number, nameEnd: number, end: number): void {
    const name = octets.toString("latin1", at, nameEnd).toLowerCase();
    if (name === "received") this.#received++;
    else if (name === "date") this.#date = true;
    else if (
      name === "delivered-to" ||
      name === "tls-required" ||
      (name === "message-id" && this.#messageId === undefined)
    )
      this.#open = { name, value: fieldValue(octets, octets.indexOf(colon, nameEnd) + 1, end) };
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const value = open.value.trim();
    if (open.name === "message-id") this.#messageId = value;
    else if (open.name === "tls-required") this.#tlsOptional ||= value.toLowerCase() === "no";
    else if (this.#deliveredTo.length < deliveredToKept) this.#deliveredTo.push(value);
  }

  /** The line at `start` ends the section. */
  #noField(start: number): void {
    this.#emptyLineMissing = true;
    this.#finish(start);
  }

  #giveUp(): void {
    this.#endless = true;
    this.#finish(undefined);
  }

  #finish(bodyOffset: number | undefined): void {
    this.#close();
    this.#bodyOffset = bodyOffset;
    this.#rest = undefined;
    this.#restLength = 0;
    this.#done = true;
  }
}

/**
 * Where the field's name ends, or `at` when no field begins there. RFC 5322 §2.2; white space before the colon is
 * obsolete syntax, §4.5.8.
 */
function fieldNameEnd(octets: Buffer, at: number, end: number): number {
  const stop = Math.min(end, at + nameKept);
  let i = at;
  let c = octets[i] ?? 0;
  while (i < stop && c > 32 && c < 127 && c !== colon) c = octets[++i] ?? 0;
  const nameEnd = i;
  while (i < stop && (c === 32 || c === 9)) c = octets[++i] ?? 0;
  return i < stop && c === colon ? nameEnd : at;
}

/** A field, a line that goes on with one, or an envelope line on top. */
function isHeaderLine(octets: Buffer, at: number, end: number, first: boolean): boolean {
  const c = octets[at];
  if (c === 32 || c === 9) return !first;
  return fieldNameEnd(octets, at, end) !== at || (first && isEnvelopeLine(octets, at, end));
}

/** `From x@y …` or `>From …`: the envelope line of a mailbox file, which some clients leave on top. */
const isEnvelopeLine = (octets: Buffer, at: number, end: number): boolean =>
  /^>?From /.test(octets.toString("latin1", at, Math.min(end, at + 6)));

const fieldValue = (octets: Buffer, at: number, end: number): string =>
  octets.toString("utf8", at, Math.min(end, at + valueKept)).trim();

/** The facts of a message, or of its beginning, that is in memory. */
export function scanHeaders(message: Uint8Array, limit = headerLimit): HeaderFacts {
  const scanner = new HeaderScanner(limit);
  scanner.write(message);
  return scanner.end();
}
