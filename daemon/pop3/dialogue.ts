/**
 * The dialogue of one session: which command may come, what it means, what is answered.
 *
 * In:     lines, and faults of lines.
 * Out:    replies; a promise where something must be waited for: until it is settled the session feeds nothing more.
 * Fails:  rejects when the connection must end at once.
 * Spec:   RFC 1939 §3, §4, §6; RFC 2449 §5 (CAPA); RFC 2595 §4 (STLS); RFC 6856 §2 (UTF8).
 */

import type { TlsFacts } from "../kit/client-socket.ts";
import type { Log } from "../kit/log.ts";
import type { Output } from "../kit/output.ts";
import type { MailboxName } from "../mailbox/store.ts";
import { capabilities } from "./capabilities.ts";
import { type Command, parseCommand } from "./command.ts";
import { type Answer, Door } from "./door.ts";
import type { Caller, Client, Pop3Host } from "./host.ts";
import type { Pop3Limits } from "./limits.ts";
import type { Maildrop } from "./maildrop.ts";
import { replies } from "./replies.ts";
import { Transaction } from "./transaction.ts";
import type { Line } from "./wire/input.ts";

/** How the dialogue steers the session; `session.ts` implements it. */
export interface Wire {
  readonly output: Output;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
  /** Sends what was said, drops what came behind STLS, and starts TLS; `undefined` when it cannot. */
  readonly startTls: (() => Promise<TlsFacts>) | undefined;
  readonly channelBinding: () => Buffer | undefined;
  /** The daemon is being stopped: nobody new comes in. */
  readonly draining: boolean;
  /** Ends the session once what was said has left. */
  close(why: string): void;
  /** Ends it at once. */
  cut(): void;
}

export interface DialogueOptions {
  readonly host: Pop3Host;
  readonly caller: Caller;
  /** In force from the first octet. */
  readonly tls: TlsFacts | undefined;
  /** Passwords may come in plain text: the client is on loopback and the listener allows it. */
  readonly trustPlain: boolean;
  readonly limits: Pop3Limits;
  readonly log: Log;
}

type State =
  | { readonly at: "authorization" }
  | {
      readonly at: "transaction";
      readonly mailbox: MailboxName;
      readonly drop: Maildrop;
      readonly transaction: Transaction;
    };

const authorization: State = { at: "authorization" };

export class Dialogue {
  readonly #wire: Wire;
  readonly #options: DialogueOptions;
  readonly #door: Door;
  #state: State = authorization;
  #tls: TlsFacts | undefined;
  #utf8 = false;
  #verb: string | undefined;
  #mistakes = 0;
  #failedLogins = 0;

  constructor(wire: Wire, options: DialogueOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#tls = options.tls;
    this.#door = new Door(options.host, wire.signal);
  }

  /** Of the last command; `undefined` when it was none. */
  get verb(): string | undefined {
    return this.#verb;
  }

  get at(): State["at"] {
    return this.#state.at;
  }

  /** The next line is a response of AUTH. */
  get inExchange(): boolean {
    return this.#door.inExchange;
  }

  line(line: Exclude<Line, { readonly kind: "ended" }>): Promise<void> | void {
    if (line.kind === "fault") {
      this.#verb = undefined;
      this.#door.reset();
      return this.#mistake(replies[line.why]);
    }
    if (this.#door.inExchange) return this.#answer(this.#door.response(line.text));
    const command = parseCommand(line.text);
    this.#verb = command.verb === "bad" ? undefined : command.verb;
    this.#options.log.trace({ verb: command.verb }, "command");
    const state = this.#state;
    return state.at === "authorization" ? this.#authorization(command) : this.#transaction(state, command);
  }

  /** Frees the mailbox; nothing is removed. */
  async release(): Promise<void> {
    const state = this.#state;
    if (state.at !== "transaction") return;
    this.#state = authorization;
    const { log, caller } = this.#options;
    const { mailbox, drop, transaction } = state;
    log.info({ client: caller.address, mailbox, retrieved: transaction.retrieved }, "POP3 session ends");
    try {
      await drop[Symbol.asyncDispose]();
    } catch (error) {
      log.warn({ err: error, mailbox }, "the hold on a mailbox runs out by itself");
    }
  }

  #authorization(command: Command): Promise<void> | void {
    switch (command.verb) {
      case "USER":
        return this.#answer(this.#door.user(command.text, this.#client()));
      case "PASS":
        return this.#answer(this.#door.pass(command.text, this.#client()));
      case "AUTH":
        return this.#answer(this.#door.auth(command, this.#client()));
      case "STLS":
        return this.#startTls();
      case "UTF8":
        this.#utf8 = true;
        return this.#say(replies.utf8);
      default:
        return this.#anywhere(command);
    }
  }

  #transaction(state: State & { readonly at: "transaction" }, command: Command): Promise<void> | void {
    if (state.drop.lost.aborted) {
      this.#say(replies.lost);
      return this.#wire.close("the mailbox was lost");
    }
    const doing = state.transaction.command(command);
    if (doing === "done") return;
    return doing ?? this.#anywhere(command);
  }

  /** Commands of both states. */
  #anywhere(command: Command): Promise<void> | void {
    switch (command.verb) {
      case "QUIT":
        return this.#quit();
      case "CAPA":
        return this.#capa();
      case "bad":
        return this.#mistake(`-ERR ${command.why}`);
      default:
        return this.#mistake(replies.notNow);
    }
  }

  #capa(): void {
    const client = this.#client();
    const stranger = this.#state.at === "authorization";
    const user = stranger && client.secure;
    const stls = stranger && this.#tls === undefined && this.#wire.startTls !== undefined;
    this.#say("+OK Capability list follows");
    for (const line of capabilities({
      user,
      stls,
      mechanisms: user ? this.#options.host.mechanisms(client) : [],
    }))
      this.#say(line);
    this.#say(".");
  }

  async #answer(later: Promise<Answer> | Answer): Promise<void> {
    const answer = await later;
    switch (answer.kind) {
      case "say":
        return this.#say(answer.reply);
      case "bad":
        return this.#mistake(answer.reply);
      case "failed":
        if (++this.#failedLogins < this.#options.limits.failedLogins) return this.#say(answer.reply);
        this.#say(replies.tooManyLogins);
        return this.#wire.close("too many failed logins");
      case "welcome":
        return this.#enter(answer.who);
    }
  }

  async #enter(mailbox: MailboxName): Promise<void> {
    if (this.#wire.draining) {
      this.#say(replies.stopping);
      return this.#wire.close("stopping");
    }
    const { output, signal } = this.#wire;
    const { log, caller } = this.#options;
    const drop = await this.#open(mailbox);
    if (typeof drop === "string") return this.#say(drop);
    const transaction = new Transaction({ drop, output, form: this.#utf8 ? "utf8" : "ascii", signal, log });
    this.#state = { at: "transaction", mailbox, drop, transaction };
    log.info({ client: caller.address, mailbox, messages: transaction.count }, "POP3 session begins");
    this.#say(`+OK ${transaction.count} messages (${transaction.octets} octets)`);
  }

  /** The maildrop, or why not. */
  async #open(mailbox: MailboxName): Promise<Maildrop | string> {
    const { signal } = this.#wire;
    try {
      return (await this.#options.host.open(mailbox, signal)) ?? replies.inUse;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#options.log.warn({ err: error, mailbox }, "a mailbox could not be opened");
      return replies.noMailbox;
    }
  }

  /** The mailbox is free again before the client hears so. RFC 1939 §6 */
  async #quit(): Promise<void> {
    const state = this.#state;
    const reply = state.at === "transaction" ? await state.transaction.update() : replies.bye;
    await this.release();
    this.#say(reply);
    this.#wire.close("quit");
  }

  async #startTls(): Promise<void> {
    const { startTls } = this.#wire;
    if (this.#tls !== undefined) return this.#mistake(replies.alreadySecure);
    if (startTls === undefined) return this.#mistake(replies.noTls);
    if (this.#utf8) return this.#mistake(replies.stlsBeforeUtf8); // RFC 6856 §2
    this.#say(replies.beginTls);
    this.#door.reset();
    try {
      this.#tls = await startTls();
    } catch (error) {
      this.#options.log.info({ error: String(error) }, "the TLS handshake failed");
      this.#wire.cut();
    }
  }

  #client(): Client {
    const { caller, trustPlain } = this.#options;
    const secured = this.#tls !== undefined;
    const channelBinding = () => (secured ? this.#wire.channelBinding() : undefined);
    return { ...caller, secure: secured || trustPlain, channelBinding };
  }

  #say(reply: string): void {
    this.#wire.output.line(reply);
  }

  #mistake(reply: string): void {
    if (++this.#mistakes < this.#options.limits.badCommands) return this.#say(reply);
    this.#say(replies.tooManyErrors);
    this.#wire.close("too many bad commands");
  }
}
