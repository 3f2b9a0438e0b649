/**
 * From text to tokens.
 *
 * Out:    words, tags, numbers, strings and single characters, each with its line; comments are left out.
 * Fails:  `SieveFault` for what belongs to no token, and for a string or a comment that does not end.
 * Spec:   RFC 5228 §2.3 (comments), §2.4 (numbers with K, M, G; strings; `text:`), §8.1.
 */
import { SieveFault } from "./fault.ts";

export type Token =
  | { readonly kind: "word" | "tag" | "string"; readonly text: string; readonly line: number }
  | { readonly kind: "number"; readonly value: number; readonly line: number }
  | {
      readonly kind: "mark";
      readonly text: "[" | "]" | "(" | ")" | "{" | "}" | "," | ";";
      readonly line: number;
    }
  | { readonly kind: "end"; readonly line: number };

const white = /[ \t\r\n]+/y;
const lineComment = /#[^\n]*/y;
const word = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /(\d+)([KMGkmg]?)(?![A-Za-z0-9_])/y;
const mark = /[[\](){},;]/y;
const textStart = /text:[ \t]*(?:#[^\n]*)?\r?\n/iy;
const units: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
const largest = 2 ** 53 - 1;

export function tokensOf(script: string): readonly Token[] {
  return [...new Lexer(script).tokens()];
}

class Lexer {
  readonly #script: string;
  #at = 0;
  #line = 1;

  constructor(script: string) {
    this.#script = script;
  }

  *tokens(): Generator<Token> {
    for (;;) {
      this.#skip();
      if (this.#at >= this.#script.length) break;
      yield this.#next();
    }
    yield { kind: "end", line: this.#line };
  }

  #take(shape: RegExp): RegExpExecArray | undefined {
    shape.lastIndex = this.#at;
    const match = shape.exec(this.#script);
    if (match === null) return undefined;
    this.#pass(match[0].length);
    return match;
  }

  #pass(length: number): void {
    const end = this.#at + length;
    for (
      let i = this.#script.indexOf("\n", this.#at);
      i >= 0 && i < end;
      i = this.#script.indexOf("\n", i + 1)
    )
      this.#line++;
    this.#at = end;
  }

  #skip(): void {
    for (;;) {
      if (this.#take(white) || this.#take(lineComment)) continue;
      if (!this.#script.startsWith("/*", this.#at)) return;
      const end = this.#script.indexOf("*/", this.#at + 2);
      if (end < 0) throw new SieveFault(this.#line, "a comment begins here with /* and does not end");
      this.#pass(end + 2 - this.#at);
    }
  }

  #next(): Token {
    const line = this.#line;
    const first = this.#script[this.#at] as string;
    if (first === '"') return { kind: "string", text: this.#quoted(), line };
    if (this.#take(textStart)) return { kind: "string", text: this.#multiLine(line), line };
    if (first === ":") return this.#tag(line);
    const found = this.#take(word);
    if (found) return { kind: "word", text: found[0].toLowerCase(), line };
    const digits = this.#take(number);
    if (digits) return this.#number(digits, line);
    const single = this.#take(mark);
    if (single) return { kind: "mark", text: single[0] as "[", line };
    throw new SieveFault(line, `${JSON.stringify(first)} has no meaning here`);
  }

  #tag(line: number): Token {
    this.#at++;
    const found = this.#take(word);
    if (!found) throw new SieveFault(line, "a colon must begin a tag, such as :is");
    return { kind: "tag", text: found[0].toLowerCase(), line };
  }

  #number([, digits = "", unit = ""]: RegExpExecArray, line: number): Token {
    const value = Number(digits) * (units[unit.toLowerCase()] ?? 1);
    if (value > largest) throw new SieveFault(line, `the number ${digits}${unit} is too large`);
    return { kind: "number", value, line };
  }

  /** A backslash stands for what follows it. RFC 5228 §2.4.2 */
  #quoted(): string {
    const line = this.#line;
    let text = "";
    let from = this.#at + 1;
    for (let i = from; i < this.#script.length; i++) {
      const c = this.#script[i];
      if (c === "\\") {
        text += this.#script.slice(from, i);
        from = ++i;
      } else if (c === '"') {
        text += this.#script.slice(from, i);
        this.#pass(i + 1 - this.#at);
        return crlf(text);
      }
    }
    throw new SieveFault(line, "a string begins here and does not end");
  }

  /** Ends with a line that is a single dot; a dot that begins another line is taken away. RFC 5228 §2.4.2 */
  #multiLine(line: number): string {
    const rest = this.#script.slice(this.#at);
    const end = /^\.\r?$/m.exec(rest);
    if (!end)
      throw new SieveFault(line, "a text: begins here and does not end with a line that is a single dot");
    this.#pass(end.index + end[0].length);
    return crlf(rest.slice(0, end.index)).replace(/^\./gm, "");
  }
}

/** Lines end as they do in mail. */
const crlf = (text: string): string => text.replace(/\r?\n/g, "\r\n");
