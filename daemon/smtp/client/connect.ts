/**
 * From an address to a session: connect, greeting, EHLO, STARTTLS, AUTH.
 *
 * In:     where to connect and what is demanded of the connection.
 * Out:    an `SmtpClient` that is ready for MAIL.
 * Fails:  `ConnectFailed`, or the signal's reason. No connection is left open.
 * Spec:   RFC 5321 §3.1, §3.2, §4.1.1.1; RFC 3207 §4; RFC 4954; RFC 2033 §4.1 (LHLO); RFC 8314 §3 (implicit TLS).
 */
import { isLoopback } from "../../kit/cidr.ts";
import type { Log } from "../../kit/log.ts";
import { onAbort } from "../../kit/on-abort.ts";
import type { Remote } from "../../mail/outcome.ts";
import { isPositive, type Reply } from "../../mail/reply.ts";
import { authenticate, dialogueFor, type Login } from "./auth.ts";
import { distrustChunking, mayChunk } from "./chunking.ts";
import { SmtpClient } from "./client.ts";
import { ConnectFailed, type Phase } from "./connect-failed.ts";
import type { Dial, Secured, TlsFacts, TlsOptions } from "./dial.ts";
import type { Peer } from "./exchange.ts";
import { type Extensions, noExtensions, parseExtensions } from "./extensions.ts";
import { standardTimeouts, type Timeouts } from "./limits.ts";
import type { EightBit } from "./preflight.ts";
import { Wire, WireLost } from "./wire.ts";

export type TlsMode = "Off" | "Opportunistic" | "Require" | "Implicit";

export interface ConnectOptions {
  /** The host's name, for records and messages. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly source?: string;
  /** Our own name. */
  readonly ehloName: string;
  readonly tls: TlsMode;
  readonly tlsOptions: TlsOptions;
  readonly auth?: Login;
  readonly lmtp: boolean;
  readonly eightBit: EightBit;
  readonly timeouts?: Timeouts;
  readonly dial: Dial;
  readonly log: Log;
}

/** Replies to EHLO that mean "not known here". RFC 5321 §3.2, §4.2.4 */
const ehloUnknown: ReadonlySet<number> = new Set([500, 501, 502, 504]);

class Connecting {
  readonly #options: ConnectOptions;
  readonly #timeouts: Timeouts;
  readonly #remote: Remote;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  #phase: Phase = "connect";
  #wire: Wire | undefined;
  #extensions: Extensions = noExtensions;
  #tls: TlsFacts | undefined;

  constructor(options: ConnectOptions, signal: AbortSignal) {
    this.#options = options;
    this.#timeouts = options.timeouts ?? standardTimeouts;
    this.#remote = Object.freeze({ name: options.host, address: options.address });
    this.#log = options.log.child({ host: options.host, address: options.address, port: options.port });
    this.#signal = signal;
  }

  async run(): Promise<SmtpClient> {
    const stop = () => this.#wire?.fail(new WireLost("aborted", String(this.#signal.reason)));
    const forget = onAbort(this.#signal, stop);
    try {
      return await this.#run();
    } catch (error) {
      this.#wire?.fail(new WireLost("aborted", "no session"));
      throw this.#signal.aborted ? this.#signal.reason : this.#explain(error);
    } finally {
      forget();
    }
  }

  async #run(): Promise<SmtpClient> {
    const { tls, auth, lmtp, eightBit } = this.#options;
    let wire = await this.#open();
    this.#phase = "greeting";
    wire.expect(1);
    await this.#demand(wire.next(this.#timeouts.greeting));
    await this.#hello(wire);
    if (tls === "Opportunistic" || tls === "Require") wire = await this.#upgrade(wire);
    if (auth) await this.#logIn(wire, auth);
    const server = `${this.#options.host} ${this.#options.address}:${this.#options.port}`;
    const peer: Peer = {
      wire,
      remote: this.#remote,
      extensions: this.#extensions,
      timeouts: this.#timeouts,
      lmtp,
      eightBit,
      chunking: this.#extensions.chunking && mayChunk(server),
      onChunkingBroken: () => distrustChunking(server),
    };
    this.#log.debug({ tls: this.#tls, extensions: this.#extensions }, "connected to a next hop");
    return new SmtpClient(peer, this.#tls);
  }

  async #open(): Promise<Wire> {
    const { dial, address, port, source, tls } = this.#options;
    const target = source === undefined ? { address, port } : { address, port, source };
    const socket = await limited(this.#timeouts.connect, this.#signal, (signal) =>
      dial.connect(target, signal),
    );
    return tls === "Implicit" ? this.#secure(socket) : this.#carry(socket);
  }

  #carry(socket: Secured["socket"]): Wire {
    this.#wire = new Wire(socket, this.#log);
    if (this.#signal.aborted) this.#wire.fail(new WireLost("aborted", String(this.#signal.reason)));
    return this.#wire;
  }

  async #hello(wire: Wire): Promise<void> {
    this.#phase = "ehlo";
    const { ehloName, lmtp } = this.#options;
    const answer = await this.#say(wire, `${lmtp ? "LHLO" : "EHLO"} ${ehloName}\r\n`);
    if (isPositive(answer)) {
      this.#extensions = parseExtensions(answer);
      return;
    }
    if (lmtp || !ehloUnknown.has(answer.code)) throw this.#refusal(answer);
    await this.#demand(this.#say(wire, `HELO ${ehloName}\r\n`));
    this.#extensions = noExtensions;
  }

  async #upgrade(wire: Wire): Promise<Wire> {
    const required = this.#options.tls === "Require";
    this.#phase = "starttls";
    if (!this.#extensions.startTls) {
      if (required) throw this.#failure("4.7.4", "the server does not offer STARTTLS, which is required");
      return wire;
    }
    const answer = await this.#say(wire, "STARTTLS\r\n");
    if (answer.code !== 220) {
      if (required || answer.code === 421) throw this.#refusal(answer);
      return wire; // RFC 3207 §4: the session goes on in plain text
    }
    const secured = await this.#secure(wire.release());
    await this.#hello(secured); // RFC 3207 §4.2: what was said in plain text is forgotten
    return secured;
  }

  async #secure(socket: Secured["socket"]): Promise<Wire> {
    this.#phase = this.#options.tls === "Implicit" ? "connect" : "starttls";
    const { dial, tlsOptions } = this.#options;
    try {
      const { socket: secured, facts } = await limited(this.#timeouts.handshake, this.#signal, (signal) =>
        dial.secure(socket, tlsOptions, signal),
      );
      this.#tls = facts;
      return this.#carry(secured);
    } catch (cause) {
      const text = `TLS handshake: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw this.#failure("4.7.5", text, { cause, tlsFailed: true });
    }
  }

  async #logIn(wire: Wire, auth: Login): Promise<void> {
    this.#phase = "auth";
    const plainTextAllowed = auth.plainTextOnLoopback === true && isLoopback(this.#options.address);
    if (!this.#tls && !plainTextAllowed) throw this.#failure("4.7.0", "no TLS: the password is not sent");
    const dialogue = dialogueFor(auth, this.#extensions.auth);
    if (!dialogue) throw this.#failure("4.7.4", "the server offers neither AUTH PLAIN nor AUTH LOGIN");
    const answer = await authenticate(wire, dialogue, this.#timeouts.command);
    if (answer.code !== 235) throw this.#refusal(answer);
  }

  #say(wire: Wire, line: string): Promise<Reply> {
    wire.command(line, 1);
    return wire.next(this.#timeouts.command);
  }

  async #demand(answer: Promise<Reply>): Promise<void> {
    const heard = await answer;
    if (!isPositive(heard)) throw this.#refusal(heard);
  }

  #refusal(reply: Reply): ConnectFailed {
    return new ConnectFailed(this.#phase, { remote: this.#remote, reply });
  }

  #failure(enhanced: string, text: string, extra: { cause?: unknown; tlsFailed?: true } = {}): ConnectFailed {
    return new ConnectFailed(this.#phase, { remote: this.#remote, enhanced, text, ...extra });
  }

  #explain(error: unknown): ConnectFailed {
    if (error instanceof ConnectFailed) return error;
    if (error instanceof WireLost) {
      if (error.kind === "closing" && error.reply) return this.#refusal(error.reply);
      return this.#failure(error.kind === "protocol" ? "4.5.0" : "4.4.2", error.message, { cause: error });
    }
    const text = error instanceof Error ? error.message : String(error);
    return this.#failure("4.4.1", text, { cause: error });
  }
}

/** Runs `work` with a signal that also aborts after `ms`. */
async function limited<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error("timed out")), ms);
  const forget = onAbort(signal, () => limit.abort(signal.reason));
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    forget();
  }
}

export async function connect(options: ConnectOptions, signal: AbortSignal): Promise<SmtpClient> {
  signal.throwIfAborted();
  return new Connecting(options, signal).run();
}
