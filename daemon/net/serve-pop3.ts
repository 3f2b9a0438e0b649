/**
 * A POP3 server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows the users, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks, `abort` insists.
 */
import type { Caller, Pop3Host } from "../pop3/host.ts";
import { defaultLimits, type Pop3Limits } from "../pop3/limits.ts";
import { Session } from "../pop3/session.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import { type ServerOptions, type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";

export interface Pop3ServerOptions extends ServerOptions<Caller["listener"]> {
  readonly host: Pop3Host;
  /** In the greeting. */
  readonly hostname: string;
  readonly connections: () => ConnectionLimits;
  readonly limits?: Pop3Limits;
  readonly events?: ServerEvents;
}

export type Pop3Server = SessionServer;

const refusal = "-ERR [SYS/TEMP] Too many connections, please try again later\r\n";

export function servePop3(options: Pop3ServerOptions): Promise<Pop3Server> {
  const { listener, host, hostname, events, limits = defaultLimits, connections, log, clock } = options;
  const fixed = { host, hostname, limits, clock, log, spoke: events?.spoke };
  return serveSessions<Session>(options, {
    caps: new Caps(connections),
    refusal,
    events,
    session(connection, common) {
      const { address, port, tls } = connection;
      const caller = { address, port, listener: listener.name };
      return new Session(connection, { ...common, ...fixed, caller, tls });
    },
    start: (session) => session.start(),
  });
}
