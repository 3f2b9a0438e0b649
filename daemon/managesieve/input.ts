/**
 * Commands out of octets that are split anywhere: words, strings and numbers.
 *
 * In:     chunks as they are pushed.
 * Out:    one command at a time: its words. Literals (`{n+}`) are taken whole; within the limits they are strings like
 *         others, and beyond them they are swallowed and told as `tooLong`.
 * Fails:  `malformed` for a line that breaks the grammar; `ended` when nothing more will come. A literal that is beyond all
 *         measure, or a line without end, is `hopeless`: the connection cannot go on.
 * Memory: a paused socket once 64 KiB wait; one command's strings.
 * Spec:   RFC 5804 §1.2 (strings), §4 (grammar): quoted strings of at most 1024 octets, `{n+}` literals.
 */
import { isUtf8 } from "node:buffer";

export type Word =
  | { readonly kind: "atom"; readonly text: string }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number"; readonly value: number };

export type Taken =
  | { readonly kind: "command"; readonly words: readonly Word[] }
  | { readonly kind: "malformed" | "tooLong" | "ended" | "hopeless" };

export interface InputLimits {
  /** A line without its literals. */
  readonly lineOctets: number;
  readonly literalOctets: number;
  /** Literals that are longer are not even swallowed. */
  readonly swallowOctets: number;
}

interface Socket {
  pause(): void;
  resume(): void;
}

const highWater = 65_536;
const LF = 10;

export class Input {
  readonly #socket: Socket;
  #waiting: Buffer = Buffer.alloc(0);
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  push(octets: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? octets : Buffer.concat([this.#waiting, octets]);
    if (this.#waiting.length >= highWater && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** What came before TLS is forgotten. */
  clear(): void {
    this.#waiting = Buffer.alloc(0);
    this.#relax();
  }

  /** The next command; waits for it. `idle` is called whenever it is the client's turn. */
  async take(limits: InputLimits, idle: () => void): Promise<Taken> {
    const words: Word[] = [];
    let fault: "malformed" | "tooLong" | undefined;
    for (let lines = 0; ; lines++) {
      const line = await this.#line(limits.lineOctets, idle);
      if (line === undefined) return { kind: "ended" };
      if (line === "hopeless") return { kind: "hopeless" };
      const [, text = line, count] = /^(.*?)\{(\d{1,10})\+?\}$/s.exec(line) ?? [];
      const read = wordsIn(text);
      if (read) words.push(...read);
      else fault ??= "malformed";
      if (count === undefined) break;
      const literal = await this.#literal(Number(count), limits, idle);
      if (literal === undefined) return { kind: "ended" };
      if (literal === "hopeless" || lines > 8) return { kind: "hopeless" };
      if (literal === "tooLong") fault ??= "tooLong";
      else if (!isUtf8(literal) || literal.includes(0)) fault ??= "malformed";
      else words.push({ kind: "string", text: literal.toString("utf8") });
    }
    return fault ? { kind: fault } : { kind: "command", words };
  }

  async #line(limit: number, idle: () => void): Promise<string | "hopeless" | undefined> {
    for (;;) {
      const at = this.#waiting.indexOf(LF);
      if (at > limit || (at < 0 && this.#waiting.length > limit)) return "hopeless";
      if (at >= 0) {
        const line = this.#cut(at + 1);
        return line.toString("utf8").replace(/\r?\n$/, "");
      }
      if (!(await this.#more(idle))) return undefined;
    }
  }

  async #literal(
    count: number,
    { literalOctets, swallowOctets }: InputLimits,
    idle: () => void,
  ): Promise<Buffer | "hopeless" | "tooLong" | undefined> {
    if (count > swallowOctets) return "hopeless";
    const kept: Buffer[] = [];
    for (let left = count; left > 0; ) {
      if (this.#waiting.length === 0 && !(await this.#more(idle))) return undefined;
      const piece = this.#cut(Math.min(left, this.#waiting.length));
      left -= piece.length;
      if (count <= literalOctets) kept.push(piece);
    }
    return count <= literalOctets ? Buffer.concat(kept) : "tooLong";
  }

  #cut(count: number): Buffer {
    const piece = this.#waiting.subarray(0, count);
    this.#waiting = this.#waiting.subarray(count);
    if (this.#waiting.length < highWater / 2) this.#relax();
    return piece;
  }

  /** False: nothing more will come. */
  async #more(idle: () => void): Promise<boolean> {
    if (this.#ended) return false;
    const before = this.#waiting.length;
    this.#relax();
    idle();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return this.#waiting.length > before || !this.#ended;
  }

  #relax(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

const word = /[ \t]*(?:"((?:[^"\\]|\\["\\])*)"|(\d{1,10})(?![^ \t])|([A-Za-z][A-Za-z0-9_-]*)(?![^ \t]))/y;

/** `undefined`: that is no row of words. */
function wordsIn(line: string): Word[] | undefined {
  const words: Word[] = [];
  word.lastIndex = 0;
  const end = line.trimEnd().length;
  for (let at = 0; at < end; at = word.lastIndex) {
    const match = word.exec(line);
    if (!match) return undefined;
    const [, quoted, number, atom = ""] = match;
    if (quoted !== undefined) words.push({ kind: "string", text: quoted.replace(/\\(["\\])/g, "$1") });
    else if (number !== undefined) words.push({ kind: "number", value: Number(number) });
    else words.push({ kind: "atom", text: atom });
  }
  return words;
}
