/**
 * APPEND: messages stream from the client into the store, all of them or none.
 *
 * In:     `mailbox [flags] [date] literal`, and more `[flags] [date] literal` after it.
 * Out:    APPENDUID. Bodies are never held: the store takes pieces as they arrive and the socket waits for it.
 * Fails:  what cannot be stored is refused before the client sends it, where the client waits to be asked; else it is
 *         swallowed.
 * Spec:   RFC 9051 §6.3.12, RFC 3502 (MULTIAPPEND), RFC 4315 §3 (APPENDUID), RFC 6855 §4 (UTF8), RFC 7889 (limit).
 */

import { Gone } from "../../kit/output.ts";
import type { Append } from "../../mailbox/session.ts";
import { type Answer, ok, Refusal, refuse, syntax } from "../answer.ts";
import { beforeLiteral, type LiteralHead, literalAt, type Request } from "../command/reader.ts";
import { accountOf, type Command, type Commands, speaksUtf8, type Talk } from "../talk.ts";
import { Cursor } from "../wire/cursor.ts";
import { parseDateTime } from "../wire/dates.ts";
import { ranges } from "../wire/encode.ts";
import { flagList } from "./store.ts";

interface Head {
  readonly flags: readonly string[];
  readonly internalDate: number | undefined;
  /** `UTF8 (literal)`: a bracket follows the literal. */
  readonly wrapped: boolean;
}

/** The arguments between the mailbox, or the message before, and the literal. */
function headOf(cursor: Cursor): Head {
  cursor.space();
  const flags = cursor.looksAt("(") ? flagList(cursor) : undefined;
  if (flags) cursor.space();
  let internalDate: number | undefined;
  if (cursor.looksAt('"')) {
    internalDate = parseDateTime(cursor.rawString() ?? "");
    if (internalDate === undefined) throw syntax("Invalid date and time");
    cursor.space();
  }
  const wrapped = cursor.skipWord("UTF8");
  if (wrapped) cursor.expect(" (");
  cursor.end();
  return { flags: flags ?? [], internalDate, wrapped };
}

/** The messages of one command, as the store takes them. */
class Incoming {
  readonly #talk: Talk;
  readonly #folder: string;
  /** The message that follows, when it was announced and not taken. */
  #next: LiteralHead | undefined;
  /** Octets of the message that is being taken. */
  #left = 0;
  #bytes = 0;

  constructor(talk: Talk, folder: string, first: LiteralHead) {
    this.#talk = talk;
    this.#folder = folder;
    this.#next = first;
  }

  async *messages(cursor: Cursor): AsyncGenerator<Append, void, void> {
    for (let args: Cursor | undefined = cursor; args !== undefined; ) {
      const head = headOf(args);
      const size = this.#admit();
      this.#let(size);
      const { flags, internalDate } = head;
      yield { flags, size, body: this.#body(), ...(internalDate !== undefined && { internalDate }) };
      args = await this.#rest(head.wrapped);
    }
  }

  /** After a failure: passes over what the client has sent, or will send, of this command. */
  async passOver(): Promise<void> {
    const { input, limits } = this.#talk;
    if (this.#next) return this.#talk.swallow(this.#next);
    if (this.#left < 0) return; // the command was read to its end
    await input.skip(this.#left);
    const line = await input.line(limits.commandOctets);
    const literal = line.kind === "line" ? literalAt(line.text) : undefined;
    if (literal) await this.#talk.swallow(literal);
  }

  #admit(): number {
    const size = this.#next?.size ?? 0;
    if (size === 0) throw refuse("A message of no octets is none"); // RFC 3502 §3: the way to cancel
    if (size > this.#talk.limits.appendOctets) throw refuse("The message is too large", "TOOBIG");
    this.#bytes += size;
    accountOf(this.#talk).mailbox.admit(this.#folder, this.#bytes);
    return size;
  }

  #let(size: number): void {
    if (this.#next?.waits) this.#talk.ask();
    this.#next = undefined;
    this.#left = size;
  }

  async *#body(): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of this.#talk.input.pieces(this.#left)) {
      this.#left -= piece.length;
      yield piece;
    }
  }

  /** The arguments of the next message, if one follows. */
  async #rest(wrapped: boolean): Promise<Cursor | undefined> {
    const { input, limits } = this.#talk;
    const line = await input.line(limits.commandOctets);
    if (line.kind === "ended") throw new Gone();
    this.#left = -1;
    if (line.kind === "tooLong") throw syntax("Command line too long");
    this.#next = literalAt(line.text);
    const cursor = new Cursor(beforeLiteral(line.text), 0, [], limits);
    if (wrapped) cursor.expect(")");
    if (this.#next) return cursor;
    cursor.end();
    return undefined;
  }
}

const appendCommand: Command = {
  when: "user",
  async run(talk, { args, literal, name }: Request): Promise<Answer> {
    if (literal === undefined) throw syntax("Expected a message literal");
    const incoming = { current: undefined as Incoming | undefined };
    try {
      args.space();
      const target = args.mailbox(speaksUtf8(talk));
      const { mailbox } = accountOf(talk);
      if (mailbox.folder(target) === undefined) throw refuse("There is no such mailbox", "TRYCREATE");
      incoming.current = new Incoming(talk, target, literal);
      const { uidValidity, uids } = await mailbox.append(
        target,
        incoming.current.messages(args),
        talk.signal,
      );
      return ok(`${name} completed`, `APPENDUID ${uidValidity} ${ranges(uids)}`);
    } catch (error) {
      if (error instanceof Gone) throw error;
      await (incoming.current?.passOver() ?? talk.swallow(literal));
      // The store may wrap what its source threw.
      const { cause } = error as Error;
      throw cause instanceof Refusal || cause instanceof Gone ? cause : error;
    }
  },
};

export const append: Commands = { APPEND: appendCommand };
