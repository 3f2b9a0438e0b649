/**
 * One message on its way from the client to the mailroom's sink.
 *
 * In:     pieces of the message, dot-unstuffed, split anywhere; back-pressure goes out as a promise.
 * Out:    the reply to its end: the sink's own, or the refusal that came up on the way. Once refused, the sink is
 *         aborted at once and what follows is counted and dropped.
 * Fails:  552 5.3.4 beyond the limit; 550 5.6.0 for a bare CR or LF in `Refuse`; what the sink throws.
 * Spec:   RFC 1870 §6.3 (the size actually received decides); RFC 5321 §2.3.8.
 */
import type { Reply } from "../mail/reply.ts";
import type { Later, MessageSink } from "./mailroom.ts";
import { NewlineCheck, Normalizer } from "./newlines.ts";
import { replies } from "./replies.ts";

export interface IncomingOptions {
  readonly limit: number;
  readonly lineEnds: "Refuse" | "Normalize";
  /** Turns what the sink threw into a reply, and reports it. */
  readonly failed: (error: unknown) => Reply;
}

export class Incoming {
  /** Octets received, also those dropped. */
  size = 0;
  refusal: Reply | undefined;
  readonly #sink: MessageSink;
  readonly #options: IncomingOptions;
  readonly #check: NewlineCheck | undefined;
  readonly #normalizer: Normalizer | undefined;
  #open = true;

  constructor(sink: MessageSink, options: IncomingOptions) {
    this.#sink = sink;
    this.#options = options;
    if (options.lineEnds === "Refuse") this.#check = new NewlineCheck();
    else this.#normalizer = new Normalizer();
  }

  write(piece: Buffer): Later<void> {
    this.size += piece.length;
    if (this.refusal !== undefined) return;
    if (this.size > this.#options.limit) return this.#refuse(replies.tooLarge(this.#options.limit));
    if (this.#check?.accepts(piece) === false) return this.#refuse(replies.bareInMessage);
    return this.#pass(this.#normalizer?.convert(piece) ?? piece);
  }

  /** The message is complete: what to answer. */
  finish(): Later<Reply> {
    if (this.#check?.complete() === false) this.#refuse(replies.bareInMessage);
    const rest = this.#normalizer?.finish();
    const written = rest === undefined || this.refusal !== undefined ? undefined : this.#pass(rest);
    return written instanceof Promise ? written.then(() => this.#end()) : this.#end();
  }

  /** The message will not be completed. */
  abort(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sink.abort();
  }

  #end(): Later<Reply> {
    if (this.refusal !== undefined) return this.refusal;
    this.#open = false;
    return this.#sink.end();
  }

  #pass(piece: Buffer): Later<void> {
    try {
      const later = this.#sink.write(piece);
      if (later instanceof Promise) return later.catch((error) => this.#refuse(this.#options.failed(error)));
    } catch (error) {
      this.#refuse(this.#options.failed(error));
    }
  }

  #refuse(reply: Reply): void {
    this.refusal = reply;
    this.abort();
  }
}
