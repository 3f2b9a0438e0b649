/**
 * An IMAP server: one listener, and a session for each connection that it accepts.
 *
 * In:     a host that knows users and their mailboxes, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks (BYE between commands), `abort` insists.
 */
import type { ImapHost } from "../imap/host.ts";
import { defaultLimits, type ImapLimits } from "../imap/limits.ts";
import { Session } from "../imap/session.ts";
import { Caps, type ConnectionLimits } from "./caps.ts";
import { type ServerOptions, type SessionServer, serveSessions } from "./serve-sessions.ts";
import type { ServerEvents } from "./server-events.ts";

export interface ImapServerOptions extends ServerOptions<"imap" | "imaps"> {
  readonly host: ImapHost;
  readonly connections: () => ConnectionLimits;
  readonly limits?: ImapLimits;
  readonly events?: ServerEvents;
}

export type ImapServer = SessionServer;

const refusal = "* BYE [UNAVAILABLE] Too many connections, please try again later\r\n";

export function serveImap(options: ImapServerOptions): Promise<ImapServer> {
  const { listener, host, events, limits = defaultLimits, connections, log, clock } = options;
  return serveSessions<Session>(options, {
    caps: new Caps(connections),
    refusal,
    events,
    session(connection, common) {
      const { address, port, tls } = connection;
      const channelBinding = () => connection.channelBinding();
      const client = { address, port, listener: listener.name, channelBinding };
      return new Session(connection, {
        ...common,
        host,
        client,
        tls,
        limits,
        clock,
        log,
        spoke: events?.spoke,
      });
    },
    start: (session) => void session.run(),
  });
}
