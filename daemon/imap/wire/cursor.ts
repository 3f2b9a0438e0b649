/**
 * A command's arguments, read from left to right.
 *
 * In:     the command's text, octets as latin1, with a NUL in the place of each literal, and the literals.
 * Out:    atoms, strings, numbers, lists.
 * Fails:  `Refusal` with BAD where the grammar is broken or a limit is passed.
 * Spec:   RFC 9051 §4 (data formats), §9 (formal syntax).
 */
import { isUtf8 } from "node:buffer";
import { refuse, syntax } from "../answer.ts";
import { decodeUtf7 } from "./utf7.ts";

// Sticky: they match at `lastIndex` or not at all.
const atomShape = /[^\x7f-\xff(){ %*"\\\]\p{Cc}]+/uy;
const astringShape = /[^\x7f-\xff(){ %*"\\\p{Cc}]+/uy;
const listShape = /[^\x7f-\xff(){ "\\\p{Cc}]+/uy;
const quotedShape = /"((?:[^"\\\r\n\0]|\\["\\])*)"/y;
const numberShape = /\d{1,16}/y;
const flagShape = /\\?[^\x7f-\xff(){ %*"\\\]\p{Cc}]+/uy;
const quotedPair = /\\(["\\])/g;
const highBit = /[\x80-\xff]/;

export interface CursorLimits {
  readonly nesting: number;
  readonly listItems: number;
}

export class Cursor {
  readonly text: string;
  at: number;
  readonly limits: CursorLimits;
  readonly #literals: readonly Buffer[];
  #nextLiteral = 0;
  #depth = 0;

  constructor(text: string, at: number, literals: readonly Buffer[], limits: CursorLimits) {
    this.text = text;
    this.at = at;
    this.limits = limits;
    this.#literals = literals;
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  /** The command must be over here. */
  end(): void {
    if (!this.ended) throw syntax("Unexpected arguments");
  }

  looksAt(char: string): boolean {
    return this.text[this.at] === char;
  }

  /** Takes `token` when it is next. */
  skip(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** Takes `word` in any case, when it is next and no longer word begins with it. */
  skipWord(word: string): boolean {
    const end = this.at + word.length;
    if (this.text.slice(this.at, end).toUpperCase() !== word || !/^[ ()]?$/.test(this.text[end] ?? ""))
      return false;
    this.at = end;
    return true;
  }

  expect(token: string): void {
    if (!this.skip(token)) throw syntax(token === " " ? "Missing argument" : `Expected ${token}`);
  }

  space(): void {
    this.expect(" ");
  }

  atom(): string {
    return this.#match(atomShape, "Expected an atom");
  }

  /** An atom in upper case. */
  word(): string {
    return this.atom().toUpperCase();
  }

  number(): number {
    const text = this.#match(numberShape, "Expected a number");
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw syntax("Number out of range");
    return value;
  }

  /** Octets as latin1. */
  rawString(): string | undefined {
    if (this.looksAt('"'))
      return this.#match(quotedShape, "Unterminated string").slice(1, -1).replace(quotedPair, "$1");
    return this.skip("\0") ? this.literal().toString("latin1") : undefined;
  }

  rawAstring(): string {
    return this.rawString() ?? this.#match(astringShape, "Expected a string");
  }

  /** Text: octets beyond ASCII must be UTF-8. */
  astring(): string {
    return utf8(this.rawAstring());
  }

  string(): string {
    const raw = this.rawString();
    if (raw === undefined) throw syntax("Expected a string");
    return utf8(raw);
  }

  nstring(): string | undefined {
    return this.skipWord("NIL") ? undefined : this.string();
  }

  /** The literal whose place was just passed. */
  literal(): Buffer {
    const literal = this.#literals[this.#nextLiteral++];
    if (literal === undefined) throw syntax("Expected a literal");
    return literal;
  }

  flag(): string {
    return this.#match(flagShape, "Expected a flag");
  }

  mailbox(utf8Names: boolean): string {
    return nameOf(this.rawAstring(), utf8Names);
  }

  /** A pattern of LIST: may hold wildcards without quotes. */
  pattern(utf8Names: boolean): string {
    return nameOf(this.rawString() ?? this.#match(listShape, "Expected a pattern"), utf8Names);
  }

  /** `( item item … )`. */
  list<T>(item: () => T, least = 0): T[] {
    this.expect("(");
    this.deeper();
    const items: T[] = [];
    while (!this.skip(")")) {
      if (items.length > 0) this.space();
      if (items.length >= this.limits.listItems) throw syntax("Too many items in a list");
      items.push(item());
    }
    this.shallower();
    if (items.length < least) throw syntax("Empty list");
    return items;
  }

  deeper(): void {
    if (++this.#depth > this.limits.nesting) throw syntax("Nested too deeply");
  }

  shallower(): void {
    this.#depth--;
  }

  #match(shape: RegExp, problem: string): string {
    shape.lastIndex = this.at;
    const found = shape.exec(this.text)?.[0];
    if (found === undefined) throw syntax(problem);
    this.at += found.length;
    return found;
  }
}

export function utf8(raw: string): string {
  if (!highBit.test(raw)) return raw;
  const octets = Buffer.from(raw, "latin1");
  if (!isUtf8(octets)) throw syntax("Strings must be UTF-8");
  return octets.toString();
}

function nameOf(raw: string, utf8Names: boolean): string {
  const name = highBit.test(raw) || utf8Names ? utf8(raw) : decodeUtf7(raw);
  // Modified UTF-7 in a session that speaks UTF-8 is taken as it is written. RFC 6855 §3
  if (name === undefined) throw refuse("The name is not valid modified UTF-7", "CANNOT");
  return name;
}
