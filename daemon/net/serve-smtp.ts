/**
 * An SMTP server: one listener, and a session for each connection that it accepts.
 *
 * In:     a mailroom that decides, and what the listener is called and may do.
 * Out:    the chosen address; two stops: `drain` asks (421 between transactions), `abort` insists.
 */
import { reply } from "../mail/reply.ts";
import type { SmtpEvents } from "../smtp/desk.ts";
import { defaultLimits, type SmtpLimits } from "../smtp/limits.ts";
import type { Caller, Mailroom } from "../smtp/mailroom.ts";
import { encodeReply } from "../smtp/replies.ts";
import { Session } from "../smtp/session.ts";
import type { Caps } from "./caps.ts";
import { type ServerOptions, type SessionServer, serveSessions } from "./serve-sessions.ts";

export interface SmtpServerOptions extends ServerOptions<Caller["listener"]> {
  readonly mailroom: Mailroom;
  /** In the greeting and in the reply to EHLO. */
  readonly hostname: string;
  readonly caps: Caps;
  readonly limits?: SmtpLimits;
  readonly events?: SmtpEvents;
}

export type SmtpServer = SessionServer;

const refusal = encodeReply(reply(421, "4.7.0", "Too many connections, please try again later"));

export function serveSmtp(options: SmtpServerOptions): Promise<SmtpServer> {
  const { mailroom, hostname, caps, limits = defaultLimits, events = {}, log, clock } = options;
  const { name } = options.listener;
  return serveSessions<Session>(options, {
    caps,
    refusal,
    events: {
      opened: () => events.opened?.(name),
      closed: () => events.closed?.(name),
      secured: (protocol) => events.secured?.(name, protocol),
    },
    session(connection, common) {
      const { address, port, tls } = connection;
      const caller = { address, port, listener: name, tls: tls !== undefined };
      return new Session(connection, {
        ...common,
        mailroom,
        hostname,
        limits,
        clock,
        log,
        events,
        caller,
        tls,
      });
    },
    start: (session) => session.start(),
  });
}
