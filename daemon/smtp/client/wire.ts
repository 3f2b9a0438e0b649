/**
 * One connection to a server: commands and octets out, replies in, in step.
 *
 * In:     a connected stream; commands with the number of replies that they will get.
 * Out:    each reply in order, at once when it is there already (`take`) or later (`next`).
 * Fails:  `WireLost`, once and for all: closed, timed out, aborted, told 421, or out of step (garbage, or a reply that
 *         nothing asked for). The stream is destroyed then. Replies that came before the loss can still be read.
 * Spec:   RFC 5321 §4.2, §3.8 (421), §4.5.3.2 (time-outs); RFC 2920 §3.1.
 */
import type { Duplex } from "node:stream";
import type { Log } from "../../kit/log.ts";
import { ReplyReader } from "../../mail/remote-reply.ts";
import type { Reply } from "../../mail/reply.ts";

export type LossKind = "closed" | "timeout" | "aborted" | "closing" | "protocol";

export class WireLost extends Error {
  override readonly name = "WireLost";
  readonly kind: LossKind;
  /** What the server said when it closed (421) or fell out of step. */
  readonly reply: Reply | undefined;
  constructor(
    kind: LossKind,
    text: string,
    extra: { readonly reply?: Reply; readonly cause?: unknown } = {},
  ) {
    super(text, { cause: extra.cause });
    this.kind = kind;
    this.reply = extra.reply;
  }
}

interface Waiter {
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

export class Wire {
  readonly #socket: Duplex;
  readonly #log: Log;
  readonly #reader = new ReplyReader();
  readonly #unread: Reply[] = [];
  /** Replies that the server owes us. */
  #owed = 0;
  #waiter: Waiter | undefined;
  #lost: WireLost | undefined;
  readonly #closed = Promise.withResolvers<void>();

  constructor(socket: Duplex, log: Log) {
    this.#socket = socket;
    this.#log = log;
    socket
      .on("data", this.#onData)
      .on("error", this.#onError)
      .on("end", this.#onClose)
      .on("close", this.#onClose);
    socket.on("drain", this.#wake);
  }

  /** Why nothing more will come, once that is so. */
  get lost(): WireLost | undefined {
    return this.#lost;
  }

  /** Resolves when the connection is over, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** A reply can be read without waiting. */
  get answered(): boolean {
    return this.#unread.length > 0;
  }

  /** Writes whole command lines that will get `replies` replies. `spoken` stands for them in the log: no secrets. */
  command(lines: string, replies: number, spoken = lines): void {
    this.#owed += replies;
    this.#log.trace({ client: spoken }, "smtp client");
    // Addresses may hold UTF-8 (RFC 6531); for ASCII this costs the same as latin1.
    this.#socket.write(lines, "utf8");
  }

  /** Commands with octets behind them, in one system call. */
  commandWith(octets: Uint8Array, lines: string, replies: number): void {
    this.#socket.cork();
    this.command(lines, replies);
    this.#socket.write(octets);
    this.#socket.uncork();
  }

  /** The server owes replies that are not to a command: the greeting, or more than one after the final dot. */
  expect(replies: number): void {
    this.#owed += replies;
  }

  /** One reply less is owed: its reason is gone. If it came nevertheless, the server is out of step. */
  excuse(): void {
    const unasked = this.#owed > 0 ? undefined : this.#unread.pop();
    if (unasked) this.#unasked(unasked);
    else this.#owed--;
  }

  /** False: wait for `drained` before writing more. */
  write(octets: Uint8Array): boolean {
    return this.#socket.write(octets);
  }

  /** The next reply if it is here. */
  take(): Reply | undefined {
    return this.#unread.shift();
  }

  /** The next reply, waited for up to `limit` ms. */
  async next(limit: number): Promise<Reply> {
    for (;;) {
      const reply = this.#unread.shift();
      if (reply) return reply;
      if (this.#lost) throw this.#lost;
      await this.#event(limit);
    }
  }

  /** Resolves when the socket takes more octets or a reply has come. */
  async drained(limit: number): Promise<void> {
    while (this.#socket.writableNeedDrain && !this.answered && !this.#lost) await this.#event(limit);
    if (this.#lost && !this.answered) throw this.#lost;
  }

  /** Ends the connection for this reason; the first reason stays. */
  fail(loss: WireLost): void {
    if (this.#lost) return;
    this.#lost = loss;
    this.#log.trace({ reason: loss.message }, "smtp connection over");
    this.#socket.destroy();
    this.#wake();
    this.#closed.resolve();
  }

  /** Gives the stream away, for TLS. Anything received beyond the last reply was injected. RFC 3207 §6 */
  release(): Duplex {
    if (this.#unread.length > 0 || this.#reader.partial) {
      this.fail(new WireLost("protocol", "the server sent more than its reply to STARTTLS"));
    }
    if (this.#lost) throw this.#lost;
    this.#socket.off("data", this.#onData).off("error", this.#onError).off("end", this.#onClose);
    this.#socket.off("close", this.#onClose).off("drain", this.#wake);
    this.#socket.pause();
    return this.#socket;
  }

  /** Waits for anything to happen: a reply, room to write, the end; or `limit` ms, which is the end. */
  #event(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.fail(new WireLost("timeout", "timed out")), limit);
      this.#waiter = { resolve, timer };
    });
  }

  readonly #wake = (): void => {
    const waiter = this.#waiter;
    if (!waiter) return;
    this.#waiter = undefined;
    clearTimeout(waiter.timer);
    waiter.resolve();
  };

  readonly #onReply = (reply: Reply): void => {
    this.#log.trace({ code: reply.code, enhanced: reply.enhanced, text: reply.text }, "smtp server");
    if (this.#owed > 0) {
      this.#owed--;
      this.#unread.push(reply);
    } else this.#unasked(reply);
  };

  #unasked(reply: Reply): void {
    if (reply.code === 421) this.fail(new WireLost("closing", reply.text, { reply }));
    else this.fail(new WireLost("protocol", "the server sent a reply that nothing asked for", { reply }));
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#lost) return;
    try {
      this.#reader.push(chunk, this.#onReply);
    } catch (cause) {
      this.fail(new WireLost("protocol", "the server sent something that is not a reply", { cause }));
    }
    if (this.#unread.length > 0) this.#wake();
  };

  readonly #onError = (cause: Error): void => this.fail(new WireLost("closed", cause.message, { cause }));
  readonly #onClose = (): void => this.fail(new WireLost("closed", "the server closed the connection"));
}
