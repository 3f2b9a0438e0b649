/**
 * Figures of the listeners, the same for every protocol: rate, errors, duration.
 *
 * A command is labelled with one of the names that its protocol has, or `unknown`. How long IDLE lasts is the client's
 * choice, so it is counted and not timed.
 */
import type { Registry } from "prom-client";
import type { Spoken } from "../kit/spoken.ts";
import type { Ends } from "../net/certificates.ts";
import type { ServerEvents } from "../net/server-events.ts";
import type { SmtpEvents } from "../smtp/desk.ts";
import type { ListenerName } from "./options.ts";

type Prom = typeof import("prom-client");

export interface ServerMetrics {
  /** For any listener but those of SMTP. */
  server(listener: ListenerName): ServerEvents;
  /** For the SMTP listeners. */
  readonly smtp: SmtpEvents;
}

/** What is looked at when figures are read. */
export interface ListenersView {
  /** Names of the listeners that take connections. */
  listening(): Iterable<string>;
  /** When certificates in use end. */
  ends(): Ends;
}

const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20];

export function serverMetrics(
  registry: Registry,
  view: ListenersView,
  { Counter, Gauge, Histogram }: Prom,
): ServerMetrics {
  const registers = [registry];
  new Gauge({
    name: "postfleet_listening",
    help: "1 for each listener that takes connections; none before the daemon is ready, and while it stops",
    labelNames: ["listener"],
    registers,
    collect() {
      this.reset();
      for (const listener of view.listening()) this.set({ listener }, 1);
    },
  });
  new Gauge({
    name: "postfleet_certificate_end_seconds",
    help: "When the certificate of the installation ends, and that of the domains' which does so first; seconds since the epoch",
    labelNames: ["of"],
    registers,
    collect() {
      this.reset();
      for (const [of, end] of Object.entries(view.ends()))
        if (end !== undefined) this.set({ of }, end / 1_000);
    },
  });
  const connections = new Counter({
    name: "postfleet_connections_total",
    help: "Connections that were let in",
    labelNames: ["listener"],
    registers,
  });
  const sessions = new Gauge({
    name: "postfleet_sessions",
    help: "Sessions that are open",
    labelNames: ["listener"],
    registers,
  });
  const secured = new Counter({
    name: "postfleet_tls_sessions_total",
    help: "TLS sessions that clients began, by version",
    labelNames: ["listener", "version"],
    registers,
  });
  const replies = new Counter({
    name: "postfleet_smtp_replies_total",
    help: "SMTP replies by code",
    labelNames: ["listener", "code"],
    registers,
  });
  const commands = new Counter({
    name: "postfleet_commands_total",
    help: "Commands by result: done, refused (understood, not done), wrong (none at all)",
    labelNames: ["protocol", "command", "result"],
    registers,
  });
  const seconds = new Histogram({
    name: "postfleet_command_seconds",
    help: "How long commands took; SMTP's DATA until 354, what follows is postfleet_accept_seconds",
    labelNames: ["protocol"],
    buckets,
    registers,
  });
  const spoke =
    (protocol: string): Spoken =>
    (command, result, ms) => {
      commands.inc({ protocol, command, result });
      if (command !== "IDLE") seconds.observe({ protocol }, ms / 1_000);
    };
  const opened = (listener: string) => {
    connections.inc({ listener });
    sessions.inc({ listener });
  };
  const closed = (listener: string) => sessions.dec({ listener });
  const tls = (listener: string, version: string) => secured.inc({ listener, version });
  return {
    server(listener) {
      const protocol = listener.replace(/^(imap|pop3)s$/, "$1");
      return {
        opened: () => opened(listener),
        closed: () => closed(listener),
        secured: (version) => tls(listener, version),
        spoke: spoke(protocol),
      };
    },
    smtp: {
      opened,
      closed,
      secured: tls,
      replied: (listener, code) => replies.inc({ listener, code }),
      spoke: spoke("smtp"),
    },
  };
}
