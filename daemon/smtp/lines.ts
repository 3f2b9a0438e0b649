/**
 * Command lines out of chunks that are split anywhere.
 *
 * In:     raw chunks.
 * Out:    the text of one line at a time, without its CRLF.
 * Fails:  `bareNewline`, `tooLong`, `notUtf8`; told once per line and as soon as it is known. The rest of such a line
 *         is swallowed up to its CRLF, so that the conversation stays in step and memory stays flat.
 * Spec:   RFC 5321 §2.3.8 (only CRLF ends a line), §4.5.3.1.4; RFC 4954 §4 (longer lines for AUTH); RFC 6531 §3.3.
 */
import { isUtf8 } from "node:buffer";
import { isAscii } from "../kit/ascii.ts";

export type LineFault = "bareNewline" | "tooLong" | "notUtf8";

const LF = 10;
const CR = 13;

export class LineReader {
  /** What the last `read` found; at most one of the two. */
  line: string | undefined;
  fault: LineFault | undefined;
  /** What came so far of a line, octets as latin1. Its last octet may be the CR of a CRLF that is split. */
  #carry = "";
  #swallowing = false;
  #crBefore = false;
  readonly #commandOctets: number;
  readonly #loginOctets: number;

  constructor(limits: { readonly commandOctets: number; readonly loginOctets: number }) {
    this.#commandOctets = limits.commandOctets;
    this.#loginOctets = limits.loginOctets;
  }

  /** Reads on at `at` and returns where it stopped: after a line end, or at the chunk's end. */
  read(chunk: Buffer, at: number, login: boolean): number {
    this.line = undefined;
    this.fault = undefined;
    const lf = chunk.indexOf(LF, at);
    const end = lf === -1 ? chunk.length : lf + 1;
    if (this.#swallowing) this.#swallow(chunk, at, lf);
    else this.#take(chunk, at, end, lf !== -1, login);
    return end;
  }

  #take(chunk: Buffer, at: number, end: number, ended: boolean, login: boolean): void {
    const limit = login ? this.#loginOctets : this.#commandOctets;
    if (this.#carry.length + end - at > limit && !this.#isLogin(chunk, at, end)) {
      const cr = end - at > 1 ? chunk[end - 2] === CR : this.#carry.endsWith("\r");
      this.#fail("tooLong", !(ended && cr), chunk[end - 1] === CR);
      return;
    }
    const text = this.#carry + chunk.toString("latin1", at, end);
    if (ended) this.#end(text);
    else this.#carry = text;
  }

  /** `text` ends with LF. */
  #end(text: string): void {
    const cr = text.indexOf("\r");
    const paired = text.charCodeAt(text.length - 2) === CR;
    this.#carry = "";
    if (!paired || cr !== text.length - 2) this.#fail("bareNewline", !paired, false);
    else this.#decode(text.slice(0, -2));
  }

  /** An AUTH command may be longer than others. */
  #isLogin(chunk: Buffer, at: number, end: number): boolean {
    if (this.#carry.length + end - at > this.#loginOctets) return false;
    const start = this.#carry.slice(0, 5) + chunk.toString("latin1", at, Math.min(end, at + 5));
    return /^auth /i.test(start);
  }

  #fail(fault: LineFault, swallowing: boolean, crBefore: boolean): void {
    this.#carry = "";
    this.fault = fault;
    this.#swallowing = swallowing;
    this.#crBefore = crBefore;
  }

  #swallow(chunk: Buffer, at: number, lf: number): void {
    if (lf === -1) this.#crBefore = chunk[chunk.length - 1] === CR;
    else if (lf === at ? this.#crBefore : chunk[lf - 1] === CR) this.#swallowing = false;
    else this.#crBefore = false;
  }

  #decode(latin1: string): void {
    if (isAscii(latin1)) {
      this.line = latin1;
      return;
    }
    const octets = Buffer.from(latin1, "latin1");
    if (isUtf8(octets)) this.line = octets.toString();
    else this.fault = "notUtf8";
  }
}
