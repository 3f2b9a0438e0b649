/**
 * An IMAP server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows users and their mailboxes, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks (BYE between commands), `abort` insists.
 */
import type { ImapHost } from "../imap/host.ts";
import { defaultLimits, type ImapLimits } from "../imap/limits.ts";
import { Session } from "../imap/session.ts";
import { isLoopback } from "../kit/cidr.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import type { Proxies } from "./proxied.ts";
import { type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";
import { SessionSet } from "./session-set.ts";

export interface ImapServerOptions {
  readonly listener: {
    readonly name: "imap" | "imaps";
    readonly host: string;
    readonly port: number;
    readonly tls: "none" | "starttls" | "implicit";
    /** Clients on loopback may tell passwords in plain text. */
    readonly plainAuthOnLoopback: boolean;
  };
  readonly host: ImapHost;
  readonly secureContext: ContextFor;
  /** Proxies that are trusted to name the client. */
  readonly proxies?: Proxies | undefined;
  readonly connections: () => ConnectionLimits;
  readonly limits?: ImapLimits;
  readonly events?: ServerEvents;
  readonly log: Log;
  readonly clock: Clock;
}

export type ImapServer = SessionServer;

const refusal = "* BYE [UNAVAILABLE] Too many connections, please try again later\r\n";

export function serveImap(options: ImapServerOptions): Promise<ImapServer> {
  const { listener: spec, log, secureContext, connections } = options;
  const sessions = new SessionSet<Session>(options.clock);
  const onConnection = (connection: Connection) => serve(connection, sessions, options);
  return serveSessions(sessions, {
    ...spec,
    secureContext,
    onConnection,
    caps: new Caps(connections),
    refusal,
    proxies: options.proxies,
    secured: options.events?.secured,
    log,
  });
}

function serve(connection: Connection, sessions: SessionSet<Session>, options: ImapServerOptions): void {
  const { listener, events, host, limits = defaultLimits, clock, log } = options;
  const { address, port, tls } = connection;
  const trustPlain = listener.plainAuthOnLoopback && isLoopback(address);
  const channelBinding = () => connection.channelBinding();
  const client = { address, port, listener: listener.name, channelBinding };
  const onOver = (session: Session) => {
    sessions.remove(session);
    events?.closed?.();
  };
  const common = { host, limits, clock, log, spoke: events?.spoke };
  const session = new Session(connection, { ...common, client, tls, trustPlain, onOver });
  sessions.add(session);
  events?.opened?.();
  void session.run();
}
