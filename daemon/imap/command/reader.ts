/**
 * Whole commands out of lines and literals.
 *
 * In:     the client's input.
 * Out:    a request: tag, name, arguments, and for APPEND the message literal that has not been read yet.
 * Fails:  a command that is too large, or is none, comes out as `faulty` with the answer it deserves; what belongs to it
 *         has been swallowed, so that the conversation stays in step.
 * Spec:   RFC 9051 §2.2.1, §4.3, §5.5; RFC 7888 (LITERAL+), RFC 3516 (literal8).
 */

import { Gone } from "../../kit/output.ts";
import { type Answer, bad, no } from "../answer.ts";
import type { ImapLimits } from "../limits.ts";
import { Cursor } from "../wire/cursor.ts";
import type { Input } from "../wire/input.ts";

export interface LiteralHead {
  readonly size: number;
  /** The client waits for our `+`. */
  readonly waits: boolean;
  /** literal8: may hold NUL. */
  readonly binary: boolean;
}

export interface Request {
  readonly tag: string;
  /** In upper case, as in `UID FETCH`. */
  readonly name: string;
  readonly args: Cursor;
  /** APPEND: the message that follows. */
  readonly literal?: LiteralHead;
}

export type Reading =
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "faulty"; readonly tag: string; readonly answer: Answer; readonly fatal?: boolean }
  | { readonly kind: "ended" };

type Faulty = Extract<Reading, { kind: "faulty" }>;

const literalShape = /(~?)\{(\d{1,15})(\+?)\}$/;
const tagShape = /^[^\x7f-\xff(){ %*"\\+\p{Cc}]+$/u;
const nameShape = /^(?:UID )?[A-Z0-9]+$/;
/** A message follows, unless the literal is the mailbox's name. */
const appendShape = /^[^ ]+ APPEND ./i;
const appendNameShape = /^[^ ]+ APPEND ?$/i;
/** Swallowing more than this is not worth the traffic. */
const longestSwallowed = 128 * 1024 * 1024;

export function literalAt(line: string): LiteralHead | undefined {
  if (line.charCodeAt(line.length - 1) !== 125) return undefined; // "}"
  const match = literalShape.exec(line);
  return match ? { binary: match[1] !== "", size: Number(match[2]), waits: match[3] === "" } : undefined;
}

/** The line's text without its literal's head. */
export const beforeLiteral = (line: string): string => line.replace(literalShape, "");

export class CommandReader {
  readonly #input: Input;
  readonly #limits: ImapLimits;
  readonly #ask: () => void;

  /** `ask` tells the client to go on with a literal. */
  constructor(input: Input, limits: ImapLimits, ask: () => void) {
    this.#input = input;
    this.#limits = limits;
    this.#ask = ask;
  }

  async next(loggedIn: boolean): Promise<Reading> {
    const { commandOctets, commandOctetsBeforeLogin } = this.#limits;
    const limit = loggedIn ? commandOctets : commandOctetsBeforeLogin;
    let text = "";
    const literals: Buffer[] = [];
    for (;;) {
      const line = await this.#input.line(limit - text.length);
      if (line.kind === "ended") return line;
      if (line.kind === "tooLong") return this.#tooLong(text || line.head, line.tail);
      if (line.text.includes("\0"))
        return this.#fault(text + line.text, bad("NUL is not allowed", "CLIENTBUG"));
      const literal = literalAt(line.text);
      if (!literal) return this.#whole(text + line.text, literals, undefined);
      text += beforeLiteral(line.text);
      if (appendShape.test(text) && !appendNameShape.test(text)) return this.#whole(text, literals, literal);
      const refusal = this.#refusal(literal, literals, loggedIn);
      if (refusal) return this.#refuse(text, literal, refusal);
      if (literal.waits) this.#ask();
      literals.push(await this.#input.octets(literal.size));
      text += "\0";
    }
  }

  /** Reads and forgets a literal that nobody wants, and the rest of its command. */
  async swallow(literal: LiteralHead): Promise<void> {
    for (let next: LiteralHead | undefined = literal; next !== undefined && !next.waits; ) {
      await this.#input.skip(next.size);
      next = await this.#restOfLine();
    }
  }

  /** Goes to the end of the line; the head of the literal that follows. */
  async #restOfLine(): Promise<LiteralHead | undefined> {
    const line = await this.#input.line(this.#limits.commandOctets);
    if (line.kind === "ended") throw new Gone();
    return literalAt(line.kind === "line" ? line.text : line.tail);
  }

  #refusal(literal: LiteralHead, literals: readonly Buffer[], loggedIn: boolean): Answer | undefined {
    const { literalOctets, literalOctetsBeforeLogin, literalsPerCommand } = this.#limits;
    if (literals.length >= literalsPerCommand) return bad("Too many literals", "TOOBIG");
    let sum = literal.size;
    for (const { length } of literals) sum += length;
    const limit = loggedIn ? literalOctets : literalOctetsBeforeLogin;
    return sum > limit ? no("Literal too large", "TOOBIG") : undefined;
  }

  async #refuse(text: string, literal: LiteralHead, answer: Answer): Promise<Faulty> {
    if (!literal.waits && literal.size > longestSwallowed)
      return { ...this.#fault(text, answer), fatal: true };
    await this.swallow(literal);
    return this.#fault(text, answer);
  }

  async #tooLong(head: string, tail: string): Promise<Faulty> {
    const answer = bad("Command line too long", "TOOBIG");
    const literal = literalAt(tail);
    return literal ? this.#refuse(head, literal, answer) : this.#fault(head, answer);
  }

  #whole(text: string, literals: readonly Buffer[], literal: LiteralHead | undefined): Reading {
    const space = text.indexOf(" ");
    const tag = space === -1 ? text : text.slice(0, space);
    if (!this.#isTag(tag)) return this.#fault("", bad("Invalid tag", "CLIENTBUG"));
    let end = text.indexOf(" ", space + 1);
    if (end !== -1 && /^uid$/i.test(text.slice(space + 1, end))) end = text.indexOf(" ", end + 1);
    const stop = end === -1 ? text.length : end;
    const name = space === -1 ? "" : text.slice(space + 1, stop).toUpperCase();
    if (!nameShape.test(name)) return this.#fault(tag, bad("Missing or invalid command", "CLIENTBUG"));
    const request = { tag, name, args: new Cursor(text, stop, literals, this.#limits) };
    return { kind: "request", request: literal ? { ...request, literal } : request };
  }

  #isTag(tag: string): boolean {
    return tag.length <= this.#limits.tagOctets && tagShape.test(tag);
  }

  #fault(text: string, answer: Answer): Faulty {
    const [tag = ""] = text.split(" ", 1);
    return { kind: "faulty", tag: this.#isTag(tag) ? tag : "*", answer };
  }
}
