/**
 * The TRANSACTION state: a maildrop that is open, and what the client asks about it.
 *
 * In:     commands.
 * Out:    replies and messages; a promise where something must be waited for.
 * Fails:  rejects when a message breaks off after its first octets: the connection must end then, since nothing that we
 *         could say would be understood. Before that the store's faults are answered -ERR [SYS/TEMP].
 * Spec:   RFC 1939 §5, §6 (UPDATE), §7 (TOP, UIDL).
 */
import type { Log } from "../kit/log.ts";
import { Gone, type Output } from "../kit/output.ts";
import type { Message } from "../mailbox/view.ts";
import type { Command } from "./command.ts";
import type { Form, Maildrop } from "./maildrop.ts";
import { Marks } from "./marks.ts";
import { replies } from "./replies.ts";
import { DotStuffer } from "./wire/stuffing.ts";
import { TopCutter } from "./wire/top.ts";

export interface TransactionParts {
  readonly drop: Maildrop;
  readonly output: Output;
  readonly form: Form;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export class Transaction {
  readonly #parts: TransactionParts;
  readonly #marks: Marks<Message>;
  /** Messages that were sent whole. */
  #retrieved = 0;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.#marks = new Marks(parts.drop.messages);
  }

  get count(): number {
    return this.#marks.count;
  }

  get octets(): number {
    return this.#marks.octets;
  }

  get retrieved(): number {
    return this.#retrieved;
  }

  /** `undefined`: that is no command of this state. */
  command(command: Command): Promise<void> | "done" | undefined {
    switch (command.verb) {
      case "STAT":
        return this.#say(`+OK ${this.#marks.count} ${this.#marks.octets}`);
      case "LIST":
        return this.#list(command.number, ({ size }) => String(size), this.#scanTitle());
      case "UIDL":
        return this.#list(command.number, (message) => this.#parts.drop.uidl(message), replies.ok);
      case "RETR":
        return this.#send(command.number, undefined);
      case "TOP":
        return this.#send(command.number, new TopCutter(command.lines));
      case "DELE":
        return this.#delete(command.number);
      case "NOOP":
        return this.#say(replies.ok);
      case "RSET":
        this.#marks.reset();
        return this.#say(this.#scanTitle());
      default:
        return undefined;
    }
  }

  /**
   * QUIT: the UPDATE state. Returns what to say. From here on the messages' fate no longer hangs on the connection.
   * RFC 1939 §6
   */
  async update(): Promise<string> {
    const { drop, log } = this.#parts;
    const deleted = this.#marks.deleted();
    if (deleted.length === 0) return replies.bye;
    try {
      await drop.remove(deleted, new AbortController().signal);
      return replies.bye;
    } catch (error) {
      log.warn({ err: error, messages: deleted.length }, "messages could not be removed");
      return replies.notRemoved;
    }
  }

  #scanTitle(): string {
    return `+OK ${this.#marks.count} messages (${this.#marks.octets} octets)`;
  }

  #say(reply: string): "done" {
    this.#parts.output.line(reply);
    return "done";
  }

  #list(
    number: number | undefined,
    show: (message: Message) => string,
    title: string,
  ): Promise<void> | "done" {
    if (number === undefined) return this.#listAll(show, title);
    const message = this.#find(number);
    return message ? this.#say(`+OK ${number} ${show(message)}`) : "done";
  }

  async #listAll(show: (message: Message) => string, title: string): Promise<void> {
    const { output } = this.#parts;
    output.line(title);
    for (const [number, message] of this.#marks.rest()) {
      output.line(`${number} ${show(message)}`);
      if (output.full) await output.room();
    }
    output.line(".");
  }

  /** Says why when there is none. */
  #find(number: number): Message | undefined {
    const message = this.#marks.find(number);
    if (message === undefined)
      this.#say(this.#marks.isDeleted(number) ? replies.isDeleted : replies.noSuchMessage);
    return message;
  }

  #delete(number: number): "done" {
    if (this.#find(number) === undefined) return "done";
    this.#marks.delete(number);
    return this.#say(replies.ok);
  }

  async #send(number: number, cutter: TopCutter | undefined): Promise<void> {
    const message = this.#find(number);
    if (message === undefined) return;
    const { drop, signal, log, form } = this.#parts;
    const octets = drop.octets(message, form, signal);
    if (octets === undefined) return void this.#say(replies.vanished);
    const title = cutter ? replies.ok : `+OK ${message.size} octets`;
    let begun = false;
    try {
      await this.#stream(octets, cutter, () => {
        begun = true;
        this.#say(title);
      });
      if (!cutter) this.#retrieved++;
    } catch (error) {
      if (begun || error instanceof Gone || signal.aborted) throw error;
      log.warn({ err: error, uid: message.uid }, "a message could not be read");
      this.#say(replies.notRead);
    }
  }

  /** `begin` is called when the first octets are there. */
  async #stream(octets: AsyncIterable<Uint8Array>, cutter: TopCutter | undefined, begin: () => void) {
    const { output } = this.#parts;
    const stuffer = new DotStuffer();
    const send = (piece: Uint8Array) => output.octets(piece);
    let begun = false;
    for await (const chunk of octets) {
      if (!begun) begin();
      begun = true;
      stuffer.push(cutter ? cutter.cut(chunk) : chunk, send);
      if (cutter?.done) break;
      if (output.full) await output.room();
    }
    if (!begun) begin();
    output.octets(stuffer.end());
  }
}
