/**
 * Reads a message once, in pieces split anywhere, and finds its parts.
 *
 * In:     octets; CRLF or LF line ends, anything between them.
 * Out:    envelope, references and the tree of parts with offsets.
 * Limits: memory is the header text that is kept (64 KiB a header, 192 KiB in all) and the tree; the time is a search
 *         for line ends, or for delimiters only where no lines are counted.
 * Spec:   RFC 2046 §5.1, RFC 5322 §2.1 (an empty line ends a header).
 */
import type { Digest } from "../digest.ts";
import { referencesOf } from "./describe.ts";
import { headerFields } from "./header.ts";
import { type Spot, Tree } from "./tree.ts";

const LF = 10;
const CR = 13;
const DASH = 45;
/** As it is packed. */
export type Scanned = Omit<Digest, "mayName">;

const HEADER_MAX = 64 << 10;
const HEADERS_MAX = 192 << 10;
/** No delimiter line is longer: `--`, 250 characters, `--`, white space. */
const DELIMITER_MAX = 400;
const NEW_DASHES = Buffer.from("\n--");
const wantsReferences: ReadonlySet<string> = new Set(["references"]);
const EMPTY = Buffer.alloc(0);

export class Scanner {
  readonly #tree = new Tree();
  #inHeader = true;
  /** Pieces of the header that is being read. */
  #header: Buffer[] = [];
  #headerSize = 0;
  #headersSize = 0;
  #references: readonly string[] | undefined;
  /** Octets handled. */
  #offset = 0;
  #lines = 0;
  /** How long the line end before the current line was. */
  #lineEnd = 0;
  /** The beginning of a line whose end has not come yet. */
  #held: Buffer = EMPTY;
  /** The current line is too long to matter: its rest is passed over. */
  #passing = false;
  #counting = true;

  push(octets: Uint8Array): void {
    const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    let at = 0;
    while (at < buffer.length) {
      if (!this.#inHeader && !this.#counting && !this.#passing && this.#held.length === 0)
        at = this.#leap(buffer, at);
      if (at >= buffer.length) return;
      const lf = buffer.indexOf(LF, at);
      if (lf < 0) return this.#hold(buffer.subarray(at));
      this.#line(buffer.subarray(at, lf + 1));
      at = lf + 1;
    }
  }

  /** Passes over lines that cannot be delimiters; stays at the beginning of a line. */
  #leap(buffer: Buffer, from: number): number {
    if (buffer[from] === DASH) return from;
    const found = buffer.indexOf(NEW_DASHES, from);
    // The last line stays: it may turn out to be a delimiter, or the line end before one.
    const to = found >= 0 ? found + 1 : buffer.lastIndexOf(LF) + 1;
    if (to <= from) return from;
    this.#offset += to - from;
    this.#lineEnd = buffer[to - 2] === CR ? 2 : 1;
    return to;
  }

  #hold(rest: Buffer): void {
    if (this.#passing) {
      this.#keep(rest);
      this.#offset += rest.length;
      return;
    }
    const held = this.#held.length === 0 ? Buffer.from(rest) : Buffer.concat([this.#held, rest]);
    if (held.length <= DELIMITER_MAX) {
      this.#held = held;
      return;
    }
    this.#keep(held);
    this.#offset += held.length;
    this.#held = EMPTY;
    this.#passing = true;
  }

  /** A line with its end, or the rest of one. */
  #line(rest: Buffer): void {
    if (this.#passing) {
      this.#keep(rest);
      this.#passing = false;
      return this.#ended(rest);
    }
    const line = this.#held.length === 0 ? rest : Buffer.concat([this.#held, rest]);
    this.#held = EMPTY;
    if (line[0] === DASH && line[1] === DASH && line.length <= DELIMITER_MAX && this.#delimiter(line)) return;
    const empty = line.length === 1 || (line.length === 2 && line[0] === CR);
    this.#keep(line);
    this.#ended(line);
    if (this.#inHeader && empty) this.#headerEnd();
  }

  #ended(line: Buffer): void {
    this.#offset += line.length;
    this.#lines++;
    this.#lineEnd = line[line.length - 2] === CR ? 2 : 1;
  }

  #keep(line: Buffer): void {
    if (!this.#inHeader) return;
    if (this.#headerSize >= HEADER_MAX || this.#headersSize >= HEADERS_MAX) return;
    this.#header.push(Buffer.from(line));
    this.#headerSize += line.length;
    this.#headersSize += line.length;
  }

  get #spot(): Spot {
    return { offset: this.#offset, lines: this.#lines };
  }

  #headerEnd(): void {
    const block = Buffer.concat(this.#header).subarray(0, HEADER_MAX);
    this.#references ??= referencesOf(headerFields(block, wantsReferences));
    this.#header = [];
    this.#headerSize = 0;
    this.#inHeader = this.#tree.header(block, this.#spot);
    this.#counting = this.#tree.counting;
  }

  #delimiter(line: Buffer): boolean {
    const found = this.#tree.match(line);
    if (!found || (this.#tree.full && !found.last)) return false;
    if (this.#inHeader) this.#headerEnd(); // a part without body
    const before = this.#lineEnd;
    const end = { offset: this.#offset - before, lines: this.#lines - (before > 0 ? 1 : 0) };
    this.#ended(line);
    this.#tree.delimiter(found.at, found.last, end, this.#offset);
    this.#inHeader = !found.last;
    this.#counting = this.#tree.counting;
    return true;
  }

  end(): Scanned {
    const rest = this.#held;
    this.#held = EMPTY;
    const delimiter = rest[0] === DASH && rest[1] === DASH && this.#delimiter(rest);
    if (!delimiter && rest.length > 0) {
      this.#keep(rest);
      this.#offset += rest.length;
    } else if (delimiter) this.#lines--; // it had no line end
    if (this.#inHeader) this.#headerEnd();
    const { part, envelope } = this.#tree.end(this.#spot);
    return { header: undefined, envelope, references: this.#references ?? [], structure: part };
  }
}

export function digestOf(octets: Uint8Array): Scanned {
  const scanner = new Scanner();
  scanner.push(octets);
  return scanner.end();
}
