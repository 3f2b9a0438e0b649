/**
 * A POP3 server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows the users, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks, `abort` insists.
 */
import { isLoopback } from "../kit/cidr.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Caller, Pop3Host } from "../pop3/host.ts";
import { defaultLimits, type Pop3Limits } from "../pop3/limits.ts";
import { Session } from "../pop3/session.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import type { Proxies } from "./proxied.ts";
import { type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";
import { SessionSet } from "./session-set.ts";

export interface Pop3ServerOptions {
  readonly listener: {
    readonly name: Caller["listener"];
    readonly host: string;
    readonly port: number;
    readonly tls: "none" | "starttls" | "implicit";
    /** Clients on loopback may log in in plain text. */
    readonly plainAuthOnLoopback: boolean;
  };
  readonly host: Pop3Host;
  /** In the greeting. */
  readonly hostname: string;
  readonly secureContext: ContextFor;
  /** Proxies that are trusted to name the client. */
  readonly proxies?: Proxies | undefined;
  readonly connections: () => ConnectionLimits;
  readonly limits?: Pop3Limits;
  readonly events?: ServerEvents;
  readonly log: Log;
  readonly clock: Clock;
}

export type Pop3Server = SessionServer;

const refusal = "-ERR [SYS/TEMP] Too many connections, please try again later\r\n";

export function servePop3(options: Pop3ServerOptions): Promise<Pop3Server> {
  const { listener: spec, log, secureContext, connections, clock } = options;
  const sessions = new SessionSet<Session>(clock);
  const onConnection = (connection: Connection) => begin(connection, sessions, options);
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

function begin(connection: Connection, sessions: SessionSet<Session>, options: Pop3ServerOptions): void {
  const { listener, events, host, hostname, limits = defaultLimits, clock, log } = options;
  const { address, port, tls } = connection;
  const session = new Session(connection, {
    host,
    hostname,
    caller: { address, port, listener: listener.name },
    tls,
    trustPlain: listener.plainAuthOnLoopback && isLoopback(address),
    limits,
    clock,
    log,
    spoke: events?.spoke,
    onOver: (over) => {
      sessions.remove(over);
      events?.closed?.();
    },
  });
  sessions.add(session);
  events?.opened?.();
  session.start();
}
