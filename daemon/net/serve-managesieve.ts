/**
 * A ManageSieve server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows users and their scripts, and what the listener may do.
 * Out:    the chosen address; two stops: `drain` asks (BYE between commands), `abort` insists.
 */
import { isLoopback } from "../kit/cidr.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { SieveHost } from "../managesieve/host.ts";
import { defaultLimits, Session, type SieveLimits } from "../managesieve/session.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import type { Connection, ContextFor } from "./connection.ts";
import type { Proxies } from "./proxied.ts";
import { type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";
import { SessionSet } from "./session-set.ts";

export interface ManageSieveOptions {
  readonly listener: {
    readonly host: string;
    readonly port: number;
    /** Clients on loopback may log in in plain text. */
    readonly plainAuthOnLoopback: boolean;
  };
  readonly host: SieveHost;
  readonly secureContext: ContextFor;
  /** Proxies that are trusted to name the client. */
  readonly proxies?: Proxies | undefined;
  readonly connections: () => ConnectionLimits;
  readonly limits?: SieveLimits;
  readonly events?: ServerEvents;
  readonly log: Log;
  readonly clock: Clock;
}

export type ManageSieveServer = SessionServer;

const name = "managesieve";
const refusal = 'BYE (TRYLATER) "Too many connections, please try again later"\r\n';

export function serveManageSieve(options: ManageSieveOptions): Promise<ManageSieveServer> {
  const { log, secureContext, connections, clock, proxies, events } = options;
  const sessions = new SessionSet<Session>(clock);
  const onConnection = (connection: Connection) => begin(connection, sessions, options);
  const spec = { name, ...options.listener, tls: "starttls" } as const;
  const caps = new Caps(connections);
  const secured = events?.secured;
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

function begin(connection: Connection, sessions: SessionSet<Session>, options: ManageSieveOptions): void {
  const { listener, events, host, limits = defaultLimits, clock, log } = options;
  const { address, port, tls } = connection;
  const session = new Session(connection, {
    host,
    caller: { address, port, listener: name },
    tls: tls !== undefined,
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
