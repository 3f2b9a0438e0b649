/**
 * One IMAP session: reads commands in order, runs them, answers.
 *
 * In:     chunks as they are pushed, split anywhere; time as `tick`.
 * Out:    responses, coalesced: one write for all that could be answered without waiting for the client.
 * Fails:  what a command throws is answered NO or BAD; a store that is away NO [UNAVAILABLE]; a bug NO [SERVERBUG].
 * Ends:   by LOGOUT, time-out, too many faults, `drain` (BYE between two commands), `abort`, or the client.
 * Spec:   RFC 9051 §3 (states), §5.2 (updates), §5.4 (autologout), §5.5 (commands are run in the order they came, so no
 *         ambiguity can arise), §7.1.5 (BYE).
 */

import type { ClientSocket, SocketEvents, TlsFacts } from "../kit/client-socket.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Gone, Output } from "../kit/output.ts";
import type { Spoken } from "../kit/spoken.ts";
import { type Answer, answerText, bad } from "./answer.ts";
import { capabilities } from "./capabilities.ts";
import { CommandReader, type LiteralHead, type Reading, type Request } from "./command/reader.ts";
import { commands } from "./commands/all.ts";
import { CompressedSocket } from "./compress.ts";
import { answerTo } from "./failure.ts";
import type { Account, Client, ImapHost } from "./host.ts";
import type { ImapLimits } from "./limits.ts";
import { type Command, type Enabled, isAllowed, type State, type Talk } from "./talk.ts";
import { Input } from "./wire/input.ts";

export interface SessionOptions {
  readonly host: ImapHost;
  readonly client: Client;
  /** In force from the first octet. */
  readonly tls: TlsFacts | undefined;
  /** Passwords may be told in plain text: the client is on loopback and the listener allows it. */
  readonly trustPlain: boolean;
  readonly limits: ImapLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly spoke?: Spoken | undefined;
  /** The connection is over and the mailbox released. Called once. */
  readonly onOver: (session: Session) => void;
}

export class Session implements Talk {
  readonly host: ImapHost;
  readonly client: Client;
  readonly limits: ImapLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly input: Input;
  readonly out: Output;
  readonly enabled: Enabled = { rev2: false, utf8: false, condstore: false, qresync: false };
  state: State = { at: "stranger" };
  failedLogins = 0;
  after: "tls" | "compression" | undefined;
  #idling = false;
  #socket: ClientSocket;
  readonly #options: SessionOptions;
  readonly #abort = new AbortController();
  readonly #reader: CommandReader;
  /** Who hears of the socket; a layer may be put between. */
  #events: SocketEvents;
  #tls: TlsFacts | undefined;
  /** Between two commands: nothing is being worked on. */
  #waiting = false;
  /** Why it ends between two commands. */
  #leaving: string | undefined;
  #faults = 0;
  #touched: number;
  #telling = false;
  /** The last words are said, or about to be. */
  #closing = false;
  /** Whom to release at the end. */
  #account: Account | undefined;

  constructor(socket: ClientSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.host = options.host;
    this.client = options.client;
    this.limits = options.limits;
    this.clock = options.clock;
    this.log = options.log;
    this.#tls = options.tls;
    this.input = new Input(socket);
    this.out = new Output(socket);
    this.#reader = new CommandReader(this.input, this.limits, () => this.ask());
    this.#touched = this.clock.monotonic();
    this.#events = this.#listeners();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get encrypted(): boolean {
    return this.#tls !== undefined;
  }

  get mayLogin(): boolean {
    return this.encrypted || this.#options.trustPlain;
  }

  get canStartTls(): boolean {
    return !this.encrypted && this.#socket.startTls !== undefined;
  }

  get compressed(): boolean {
    return this.#socket instanceof CompressedSocket;
  }

  get idling(): boolean {
    return this.#idling;
  }

  set idling(on: boolean) {
    this.#idling = on;
    if (on) this.#tellSoon();
  }

  /** Greets and serves until the connection ends. Never rejects. */
  async run(): Promise<void> {
    this.#socket.attach({
      data: (octets) => this.#events.data(octets),
      drained: () => this.#events.drained(),
      ended: () => this.#events.ended(),
      closed: () => this.#events.closed(),
    });
    try {
      this.out.line(`* OK [CAPABILITY ${capabilities(this)}] Postfleet ready`);
      while (this.state.at !== "over") await this.#step();
    } catch (error) {
      if (!(error instanceof Gone) && !this.signal.aborted) this.#report(error, "the session failed");
      this.#socket.destroy();
    }
    await this.#release();
    this.#options.onOver(this);
  }

  /** Ends the session between two commands. */
  drain(): void {
    this.#leave("[UNAVAILABLE] The server is going down, please come back");
  }

  leaveWhen(lost: AbortSignal): void {
    const leave = () =>
      this.#leave("[UNAVAILABLE] The mailbox was brought back from a copy, please connect again");
    if (lost.aborted) leave();
    else lost.addEventListener("abort", leave, { once: true, signal: this.signal });
  }

  #leave(why: string): void {
    this.#leaving ??= why;
    if (this.#waiting || this.#idling) this.#bye(this.#leaving);
  }

  abort(): void {
    this.#abort.abort(new Gone());
    this.input.end();
    this.out.close();
    this.#socket.destroy();
  }

  /** Looks at the time: `now` is monotonic. */
  tick(now: number): void {
    const { loginTimeoutMs, idleTimeoutMs } = this.limits;
    const limit = this.state.at === "stranger" ? loginTimeoutMs : idleTimeoutMs;
    if (now - this.#touched < limit) return;
    // A client that reads nothing would not read a BYE either.
    if (this.out.full) this.abort();
    else if (this.#waiting || this.#idling) this.#bye("Autologout: nothing was said for too long");
    else if (!this.input.ready) this.abort();
  }

  ask(): void {
    this.out.line("+ OK");
    this.out.flush();
  }

  swallow(literal: LiteralHead): Promise<void> {
    return this.#reader.swallow(literal);
  }

  announce(expunges: boolean): void {
    const { state, enabled } = this;
    if (state.at !== "selected" || !state.folder.hasNews) return;
    if (state.folder.deleted) return this.#bye("The selected mailbox was deleted");
    const { qresync, condstore } = enabled;
    this.out.text(state.folder.changes({ expunges, qresync, condstore }));
  }

  /** The folder tells that something changed. */
  readonly onChange = (): void => this.#tellSoon();

  logout(text: string): void {
    this.out.line(`* BYE ${text}`);
    this.#closing = true;
  }

  leaveFolder(): void {
    if (this.state.at !== "selected") return;
    const { account, folder } = this.state;
    folder.close();
    this.state = { at: "user", account };
  }

  /** Many changes of one moment are told together. */
  #tellSoon(): void {
    if (!this.#idling || this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      if (!this.#idling || this.out.full) return;
      this.announce(true);
      this.out.flush();
    });
  }

  async #step(): Promise<void> {
    if (this.#leaving !== undefined) return this.#bye(this.#leaving);
    if (!this.input.ready) this.out.flush();
    this.#waiting = true;
    const reading = await this.#reader.next(this.state.at !== "stranger");
    this.#waiting = false;
    if (this.state.at === "over") return;
    if (reading.kind === "ended") return this.#end();
    await this.#answer(reading);
    if (this.out.full) await this.out.room();
    this.#touched = this.clock.monotonic();
  }

  async #answer(reading: Exclude<Reading, { kind: "ended" }>): Promise<void> {
    const { tag, answer, quiet } =
      reading.kind === "faulty" ? { ...reading, quiet: true } : await this.#perform(reading.request);
    if (!quiet || this.state.at === "selected") this.announce(!quiet);
    if (this.state.at === "over") return;
    this.out.line(`${tag} ${answerText(answer)}`);
    if (answer.status === "BAD") this.#fault();
    else this.#faults = 0;
    if (reading.kind === "faulty" && reading.fatal) this.#bye("Too much to swallow");
    if (this.#closing) this.#end();
    else if (this.after !== undefined) await this.#change(this.after);
  }

  async #perform(request: Request): Promise<{ tag: string; answer: Answer; quiet: boolean }> {
    const { tag, name } = request;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    const began = this.clock.monotonic();
    const answer = await this.#try(command, request);
    const how = ({ OK: "done", NO: "refused", BAD: "wrong" } as const)[answer.status];
    this.#options.spoke?.(command ? name : "unknown", how, this.clock.monotonic() - began);
    return { tag, answer, quiet: command?.quiet ?? false };
  }

  async #try(command: Command | undefined, request: Request): Promise<Answer> {
    try {
      if (command !== undefined && isAllowed(command, this.state)) return await command.run(this, request);
      if (request.literal) await this.swallow(request.literal);
      return command === undefined
        ? bad(`Unknown command ${request.name.slice(0, 40)}`, "CLIENTBUG")
        : bad(`${request.name} is not allowed now`, "CLIENTBUG");
    } catch (error) {
      return answerTo(error, request.name, this);
    }
  }

  #report(error: unknown, sentence: string): void {
    this.log.error({ err: error, client: this.client.address }, sentence);
  }

  #fault(): void {
    if (++this.#faults >= this.limits.badCommands)
      this.#bye("Too many commands that could not be understood");
  }

  /** Says goodbye; the loop ends by itself. */
  #bye(text: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#idling = false;
    this.out.line(`* BYE ${text}`);
    this.#end();
  }

  #end(): void {
    this.#closing = true;
    this.leaveFolder();
    const { state } = this;
    if (state.at === "user") this.#account = state.account;
    this.state = { at: "over" };
    this.out.flush();
    this.#socket.end();
    this.input.end();
  }

  async #release(): Promise<void> {
    if (this.state.at !== "over") this.#end();
    try {
      await this.#account?.mailbox[Symbol.asyncDispose]();
    } catch (error) {
      this.#report(error, "a mailbox could not be released");
    }
    this.#abort.abort(new Gone());
  }

  /** Both take effect right after the tagged OK. RFC 9051 §6.2.1, RFC 4978 §3 */
  async #change(to: "tls" | "compression"): Promise<void> {
    this.after = undefined;
    this.out.flush();
    if (to === "compression") {
      const waiting = this.input.takeAll();
      const socket = new CompressedSocket(this.#socket);
      this.#socket = socket;
      this.input.moveTo(socket);
      this.out.moveTo(socket);
      socket.attach(this.#events);
      this.#events = socket.below;
      this.#events.data(waiting);
      return;
    }
    // What came in the clear after STARTTLS must not be taken for something said under TLS.
    this.input.clear();
    try {
      this.#tls = await this.#socket.startTls?.();
    } catch (error) {
      this.log.info({ client: this.client.address, error: String(error) }, "the TLS handshake failed");
      throw new Gone();
    }
  }

  #listeners(): SocketEvents {
    return {
      data: (octets) => {
        this.#touched = this.clock.monotonic();
        this.input.push(octets);
      },
      drained: () => {
        this.#touched = this.clock.monotonic();
        this.out.drained();
        this.#tellSoon();
      },
      ended: () => this.input.end(),
      closed: () => {
        this.#abort.abort(new Gone());
        this.input.end();
        this.out.close();
      },
    };
  }
}
