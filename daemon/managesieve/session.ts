/**
 * One ManageSieve session: moves octets between a socket and the dialogue.
 *
 * In:     chunks as they are pushed, split anywhere; time as `tick`.
 * Out:    answers, each before the next command is read.
 * Ends:   by LOGOUT, what cannot be read, time-out, `drain` (BYE between two commands), `abort`, or the client. `onOver` is
 *         called once, when the socket is closed.
 * Spec:   RFC 5804 §1.1 (at least 30 minutes once logged in), §2.2 (STARTTLS: what came behind it in plain text is dropped,
 *         and capabilities are told anew).
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Spoken } from "../kit/spoken.ts";
import { type Answer, Dialogue } from "./dialogue.ts";
import type { Caller, SieveHost } from "./host.ts";
import { Input, type InputLimits, type Word } from "./input.ts";

/** The socket as this engine sees it; `daemon/net` implements it, tests supply one in memory. */
export interface SieveSocket {
  attach(events: { data(octets: Buffer): void; drained(): void; ended(): void; closed(): void }): void;
  write(data: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
  readonly startTls: (() => Promise<unknown>) | undefined;
  channelBinding?(): Buffer | undefined;
}

export interface SieveLimits {
  readonly beforeLogin: InputLimits;
  readonly afterLogin: InputLimits;
  readonly badCommands: number;
  readonly failedLogins: number;
  readonly loginMs: number;
  readonly idleMs: number;
}

export const defaultLimits: SieveLimits = Object.freeze({
  beforeLogin: { lineOctets: 12_288, literalOctets: 12_288, swallowOctets: 12_288 },
  afterLogin: { lineOctets: 8_192, literalOctets: 64 << 10, swallowOctets: 1 << 20 },
  badCommands: 10,
  failedLogins: 3,
  loginMs: 60_000,
  idleMs: 30 * 60_000,
});

export interface SessionOptions {
  readonly host: SieveHost;
  readonly caller: Caller;
  readonly tls: boolean;
  /** The client is on loopback, and the listener takes passwords in plain text from there. */
  readonly trustPlain: boolean;
  readonly limits: SieveLimits;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
  readonly spoke?: Spoken | undefined;
  readonly onOver: (session: Session) => void;
}

export class Session {
  readonly #socket: SieveSocket;
  readonly #o: SessionOptions;
  readonly #input: Input;
  readonly #dialogue: Dialogue;
  readonly #abort = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #tls: boolean;
  #closing = false;
  #draining = false;
  #waiting = false;
  #touchedAt = 0;
  #bad = 0;
  #room: (() => void) | undefined;

  constructor(socket: SieveSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#o = options;
    this.#tls = options.tls;
    this.#input = new Input(socket);
    this.#dialogue = new Dialogue({
      host: options.host,
      client: () => ({ ...options.caller, channelBinding: () => socket.channelBinding?.() }),
      isSecure: () => this.#tls || options.trustPlain,
      canStartTls: () => !this.#tls && socket.startTls !== undefined,
      failedLogins: options.limits.failedLogins,
      signal: this.#abort.signal,
      log: options.log,
    });
    socket.attach({
      data: (octets) => this.#input.push(octets),
      drained: () => this.#hasRoom(),
      ended: () => this.#input.end(),
      closed: () => this.#gone(),
    });
  }

  /** Greets, and serves until the end. */
  start(): void {
    void this.#run();
  }

  drain(): void {
    this.#draining = true;
    if (this.#waiting) this.#leave("Shutting down");
  }

  abort(): void {
    this.#socket.destroy();
  }

  /** `now` is monotonic. Time that we take ourselves does not count. */
  tick(now: number): void {
    const { limits } = this.#o;
    const patience = this.#dialogue.user === undefined ? limits.loginMs : limits.idleMs;
    if (this.#closing || now - this.#touchedAt < patience) return;
    if (this.#waiting) this.#leave("Too long without a command");
    else if (this.#room) this.abort();
  }

  async #run(): Promise<void> {
    const { log, caller, onOver } = this.#o;
    this.#touch();
    try {
      await this.#say(this.#dialogue.greeting());
      while (!this.#closing) await this.#serve();
    } catch (error) {
      if (!this.#abort.signal.aborted)
        log.error({ err: error, client: caller.address }, "a ManageSieve session failed");
      this.#socket.destroy();
    }
    this.#closing = true;
    this.#socket.end();
    await this.#closed.promise;
    onOver(this);
  }

  async #serve(): Promise<void> {
    if (this.#draining) return this.#leave("Shutting down");
    const { limits } = this.#o;
    const allowed = this.#dialogue.user === undefined ? limits.beforeLogin : limits.afterLogin;
    const taken = await this.#input.command(allowed, () => {
      this.#waiting = true;
    });
    this.#waiting = false;
    this.#touch();
    if (this.#closing) return;
    switch (taken.kind) {
      case "ended":
        this.#closing = true;
        return;
      case "hopeless":
        return this.#leave("That is too long");
      case "malformed":
        return this.#wrong(this.#dialogue.malformed());
      case "tooLong":
        return this.#wrong(this.#dialogue.tooLong());
      case "command":
        return this.#command(taken.words);
    }
  }

  async #command(words: readonly Word[]): Promise<void> {
    const { spoke, clock } = this.#o;
    const began = clock.monotonic();
    const answer = await this.#dialogue.command(words);
    const name = this.#dialogue.verb;
    const refused = answer.text.startsWith("NO") ? "refused" : "done";
    spoke?.(name ?? "unknown", name === undefined ? "wrong" : refused, clock.monotonic() - began);
    await this.#answer(answer);
  }

  async #wrong(answer: Answer): Promise<void> {
    if (++this.#bad >= this.#o.limits.badCommands) return this.#leave("Too many mistakes");
    await this.#answer(answer);
  }

  async #answer(answer: Answer): Promise<void> {
    await this.#say(answer.text);
    if (answer.kind === "bye") this.#closing = true;
    if (answer.kind === "startTls") await this.#startTls();
  }

  async #startTls(): Promise<void> {
    // What came behind STARTTLS in plain text may be somebody else's.
    this.#input.clear();
    await this.#socket.startTls?.();
    this.#tls = true;
    this.#dialogue.reset();
    await this.#say(this.#dialogue.greeting());
  }

  #leave(why: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.write(`BYE "${why}"\r\n`);
    this.#input.end();
  }

  /** Waits while the client does not read. */
  async #say(text: string): Promise<void> {
    if (this.#socket.write(Buffer.from(text)) || this.#abort.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
    this.#abort.signal.throwIfAborted();
  }

  #hasRoom(): void {
    this.#touch();
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }

  #touch(): void {
    this.#touchedAt = this.#o.clock.monotonic();
  }

  #gone(): void {
    this.#closing = true;
    this.#abort.abort(new Error("the client has gone"));
    this.#hasRoom();
    this.#input.end();
    this.#closed.resolve();
  }
}
