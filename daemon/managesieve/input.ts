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
import { Inflow, type Pausable, withoutLineEnd } from "../kit/inflow.ts";

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

const highWater = 65_536;

export class Input extends Inflow {
  /** What came so far of a line. */
  #carry: Buffer[] = [];
  #carried = 0;

  constructor(socket: Pausable) {
    super(socket, highWater);
  }

  override clear(): void {
    super.clear();
    this.#carry = [];
    this.#carried = 0;
  }

  /** The next command; waits for it. `idle` is called whenever it is the client's turn. */
  async command(limits: InputLimits, idle: () => void): Promise<Taken> {
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
      while (this.ready) {
        const { octets, ended } = this.peekLine();
        // With its line end a line may be an octet longer.
        if (this.#carried + octets.length > limit + (ended ? 1 : 0)) return "hopeless";
        this.#carry.push(octets);
        this.#carried += octets.length;
        this.take(octets.length);
        if (ended) return this.#finish();
      }
      if (!(await this.#wait(idle))) return undefined;
    }
  }

  #finish(): string {
    const line = Buffer.concat(this.#carry);
    this.#carry = [];
    this.#carried = 0;
    return withoutLineEnd(line.toString("utf8"));
  }

  async #literal(
    count: number,
    { literalOctets, swallowOctets }: InputLimits,
    idle: () => void,
  ): Promise<Buffer | "hopeless" | "tooLong" | undefined> {
    if (count > swallowOctets) return "hopeless";
    const kept: Buffer[] = [];
    for (let left = count; left > 0; ) {
      if (!this.ready && !(await this.#wait(idle))) return undefined;
      const piece = this.peek(left);
      this.take(piece.length);
      left -= piece.length;
      if (count <= literalOctets) kept.push(piece);
    }
    return count <= literalOctets ? Buffer.concat(kept) : "tooLong";
  }

  /** False: nothing more will come. */
  async #wait(idle: () => void): Promise<boolean> {
    if (this.hasEnded) return false;
    idle();
    await this.more();
    return this.ready;
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
