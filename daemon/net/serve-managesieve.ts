/**
 * A ManageSieve server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows users and their scripts, and what the listener may do.
 * Out:    the chosen address; two stops: `drain` asks (BYE between commands), `abort` insists.
 */
import type { Caller, SieveHost } from "../managesieve/host.ts";
import { defaultLimits, Session, type SieveLimits } from "../managesieve/session.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import { type ServerOptions, type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";

export interface ManageSieveOptions extends ServerOptions<Caller["listener"]> {
  readonly host: SieveHost;
  readonly connections: () => ConnectionLimits;
  readonly limits?: SieveLimits;
  readonly events?: ServerEvents;
}

export type ManageSieveServer = SessionServer;

const refusal = 'BYE (TRYLATER) "Too many connections, please try again later"\r\n';

export function serveManageSieve(options: ManageSieveOptions): Promise<ManageSieveServer> {
  const { listener, host, events, limits = defaultLimits, connections, log, clock } = options;
  const fixed = { host, limits, clock, log, spoke: events?.spoke };
  return serveSessions<Session>(options, {
    caps: new Caps(connections),
    refusal,
    events,
    session(connection, common) {
      const { address, port, tls } = connection;
      const caller = { address, port, listener: listener.name };
      return new Session(connection, { ...common, ...fixed, caller, tls: tls !== undefined });
    },
    start: (session) => session.start(),
  });
}
