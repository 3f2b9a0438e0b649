/**
 * An SMTP server: one listener, and a session for each connection that it accepts.
 *
 * In:     a mailroom that decides, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks (421 between transactions), `abort` insists.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";
import type { SmtpEvents } from "../smtp/desk.ts";
import { defaultLimits, type SmtpLimits } from "../smtp/limits.ts";
import type { Caller, Mailroom } from "../smtp/mailroom.ts";
import { encodeReply } from "../smtp/replies.ts";
import { Session, type SessionOptions } from "../smtp/session.ts";
import type { Caps } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import { listen } from "./listen.ts";
import type { Proxies } from "./proxied.ts";

export interface SmtpServerOptions {
  readonly listener: {
    readonly name: Caller["listener"];
    readonly host: string;
    readonly port: number;
    readonly tls: "none" | "starttls" | "implicit";
    /** Clients on loopback may authenticate in plain text. */
    readonly plainAuthOnLoopback: boolean;
  };
  readonly mailroom: Mailroom;
  /** In the greeting and in the reply to EHLO. */
  readonly hostname: string;
  readonly secureContext: ContextFor;
  /** Proxies that are trusted to name the client. */
  readonly proxies?: Proxies | undefined;
  readonly caps: Caps;
  readonly limits?: SmtpLimits;
  readonly events?: SmtpEvents;
  readonly log: Log;
  readonly clock: Clock;
}

export interface SmtpServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Accepts no more, says 421 to idle sessions, lets open transactions end; resolves when no session is left. */
  drain(): Promise<void>;
  /** Closes every session at once. */
  abort(): void;
}

/** How often sessions look at the time: their time-outs are minutes. */
const tickMs = 1_000;
const refusal = encodeReply(reply(421, "4.7.0", "Too many connections, please try again later"));
const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

export async function serveSmtp(options: SmtpServerOptions): Promise<SmtpServer> {
  const { listener: spec, log, secureContext, caps } = options;
  const sessions = new Sessions(options);
  const onConnection = (connection: Connection) => sessions.add(connection);
  const listener = await listen({
    ...spec,
    secureContext,
    onConnection,
    caps,
    refusal,
    proxies: options.proxies,
    log,
  });
  void sessions.watchTime();
  return {
    address: listener.address,
    port: listener.port,
    get sessions() {
      return sessions.size;
    },
    drain() {
      listener.stop();
      return sessions.drain();
    },
    abort: () => sessions.abort(),
    async [Symbol.asyncDispose]() {
      sessions.abort();
      await listener[Symbol.asyncDispose]();
      await sessions.drain();
      sessions.stopTime();
    },
  };
}

class Sessions {
  readonly #options: SmtpServerOptions;
  readonly #common: Pick<
    SessionOptions,
    "mailroom" | "hostname" | "limits" | "clock" | "log" | "events" | "onOver"
  >;
  readonly #open = new Set<Session>();
  readonly #stop = new AbortController();
  #draining: PromiseWithResolvers<void> | undefined;

  constructor(options: SmtpServerOptions) {
    this.#options = options;
    const { mailroom, hostname, limits = defaultLimits, clock, log, events = {} } = options;
    this.#common = {
      mailroom,
      hostname,
      limits,
      clock,
      log,
      events,
      onOver: (session) => this.#remove(session),
    };
  }

  get size(): number {
    return this.#open.size;
  }

  add(connection: Connection): void {
    const { listener, events } = this.#options;
    const { address, port, tls } = connection;
    const trustPlain = listener.plainAuthOnLoopback && isLoopback(address);
    const caller: Caller = { address, port, listener: listener.name, tls: tls !== undefined };
    const session = new Session(connection, { ...this.#common, caller, tls, trustPlain });
    this.#open.add(session);
    events?.opened?.(listener.name);
    if (this.#draining) session.drain();
    session.start();
  }

  drain(): Promise<void> {
    this.#draining ??= Promise.withResolvers();
    for (const session of this.#open) session.drain();
    this.#settle();
    return this.#draining.promise;
  }

  abort(): void {
    for (const session of this.#open) session.abort();
  }

  /** One sleeper for all sessions instead of a timer for each. */
  async watchTime(): Promise<void> {
    const { clock } = this.#options;
    try {
      for (;;) {
        await clock.sleep(tickMs, this.#stop.signal);
        const now = clock.monotonic();
        for (const session of this.#open) session.tick(now);
      }
    } catch {
      // stopped
    }
  }

  stopTime(): void {
    this.#stop.abort();
  }

  #remove(session: Session): void {
    this.#open.delete(session);
    this.#options.events?.closed?.(this.#options.listener.name);
    this.#settle();
  }

  #settle(): void {
    if (this.#open.size === 0) this.#draining?.resolve();
  }
}
