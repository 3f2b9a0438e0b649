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
import type { ClientSocket, TlsFacts } from "../kit/client-socket.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Gone, type Output } from "../kit/output.ts";
import type { Spoken } from "../kit/spoken.ts";
import { answerText } from "./answer.ts";
import { capabilities } from "./capabilities.ts";
import { CommandReader, type LiteralHead, type Reading } from "./command/reader.ts";
import type { Account, Client, ImapHost } from "./host.ts";
import { Layers } from "./layers.ts";
import type { ImapLimits } from "./limits.ts";
import { perform } from "./perform.ts";
import type { Enabled, State, Talk } from "./talk.ts";
import type { Input } from "./wire/input.ts";

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
  readonly #layers: Layers;
  readonly #options: SessionOptions;
  readonly #abort = new AbortController();
  readonly #reader: CommandReader;
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
    this.#options = options;
    this.host = options.host;
    this.client = options.client;
    this.limits = options.limits;
    this.clock = options.clock;
    this.log = options.log;
    this.#layers = new Layers(socket, options.tls, {
      touched: () => {
        this.#touched = this.clock.monotonic();
      },
      drained: () => this.#tellSoon(),
      closed: () => this.#abort.abort(new Gone()),
    });
    this.input = this.#layers.input;
    this.out = this.#layers.out;
    this.#reader = new CommandReader(this.input, this.limits, () => this.ask());
    this.#touched = this.clock.monotonic();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get encrypted(): boolean {
    return this.#layers.encrypted;
  }

  get mayLogin(): boolean {
    return this.encrypted || this.#options.trustPlain;
  }

  get canStartTls(): boolean {
    return this.#layers.canStartTls;
  }

  get compressed(): boolean {
    return this.#layers.compressed;
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
    this.#layers.attach();
    try {
      this.out.line(`* OK [CAPABILITY ${capabilities(this)}] Postfleet ready`);
      while (this.state.at !== "over") await this.#step();
    } catch (error) {
      if (!(error instanceof Gone) && !this.signal.aborted) this.#report(error, "the session failed");
      this.#layers.cut();
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
    this.#layers.cut();
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
      reading.kind === "faulty"
        ? { ...reading, quiet: true }
        : await perform(this, reading.request, this.#options.spoke);
    if (!quiet || this.state.at === "selected") this.announce(!quiet);
    if (this.state.at === "over") return;
    this.out.line(`${tag} ${answerText(answer)}`);
    if (answer.status === "BAD") this.#fault();
    else this.#faults = 0;
    if (reading.kind === "faulty" && reading.fatal) this.#bye("Too much to swallow");
    if (this.#closing) this.#end();
    else if (this.after !== undefined) await this.#change(this.after);
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
    this.#layers.end();
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
    if (to === "compression") return this.#layers.compress();
    try {
      await this.#layers.startTls();
    } catch (error) {
      this.log.info({ client: this.client.address, error: String(error) }, "the TLS handshake failed");
      throw new Gone();
    }
  }
}
