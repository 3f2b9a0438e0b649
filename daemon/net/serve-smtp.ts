/**
 * An SMTP server: one listener, and a session for each connection that it accepts.
 *
 * In:     a mailroom that decides, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks (421 between transactions), `abort` insists.
 */
import { isLoopback } from "../kit/cidr.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";
import type { SmtpEvents } from "../smtp/desk.ts";
import { defaultLimits, type SmtpLimits } from "../smtp/limits.ts";
import type { Caller, Mailroom } from "../smtp/mailroom.ts";
import { encodeReply } from "../smtp/replies.ts";
import { Session } from "../smtp/session.ts";
import type { Caps } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import type { Proxies } from "./proxied.ts";
import { type SessionServer, serveSessions } from "./serve-sessions.ts";
import { SessionSet } from "./session-set.ts";

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

export type SmtpServer = SessionServer;

const refusal = encodeReply(reply(421, "4.7.0", "Too many connections, please try again later"));

export function serveSmtp(options: SmtpServerOptions): Promise<SmtpServer> {
  const { listener: spec, log, secureContext, caps, clock, proxies, events } = options;
  const sessions = new SessionSet<Session>(clock);
  const onConnection = (connection: Connection) => begin(connection, sessions, options);
  const secured = (protocol: string) => events?.secured?.(spec.name, protocol);
  return serveSessions(sessions, {
    ...spec,
    secureContext,
    onConnection,
    caps,
    refusal,
    proxies,
    secured,
    log,
  });
}

function begin(connection: Connection, sessions: SessionSet<Session>, options: SmtpServerOptions): void {
  const { listener, mailroom, hostname, limits = defaultLimits, clock, log, events = {} } = options;
  const { address, port, tls } = connection;
  const session = new Session(connection, {
    mailroom,
    hostname,
    limits,
    clock,
    log,
    events,
    caller: { address, port, listener: listener.name, tls: tls !== undefined },
    tls,
    trustPlain: listener.plainAuthOnLoopback && isLoopback(address),
    onOver: (over) => {
      sessions.remove(over);
      events.closed?.(listener.name);
    },
  });
  sessions.add(session);
  events.opened?.(listener.name);
  session.start();
}
