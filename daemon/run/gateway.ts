/**
 * The gateway role: the SMTP listeners, and the mailroom behind them.
 */

import { type Accepted, openMailroom } from "../accept/mailroom.ts";
import type { Sasl } from "../auth/sasl/sasl.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { type SmtpServer, serveSmtp } from "../net/serve-smtp.ts";
import type { Certificate } from "./certificate.ts";
import type { Metrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";
import type { Store } from "./store.ts";

export interface Gateway extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, SmtpServer>;
  drain(): Promise<void>;
  abort(): void;
}

export interface GatewayContext {
  readonly options: RunOptions;
  readonly store: Store;
  readonly live: LiveDirectory;
  readonly sasl: Sasl;
  readonly metrics: Metrics;
  readonly certificate: Certificate | undefined;
  readonly log: Log;
}

const smtpListeners = ["smtp", "submission", "submissions"] as const;

export async function openGateway(context: GatewayContext): Promise<Gateway> {
  const { options, store, live, metrics, log, certificate } = context;
  const laptop = options.nats.length === 0;
  await using parts = new AsyncDisposableStack();
  const mailroom = openMailroom({
    live,
    queue: store.queue,
    sasl: context.sasl,
    statusOf: (mailbox, signal) => store.mailboxes.status(mailbox, signal),
    hostname: options.hostname,
    clock: systemClock,
    log,
    laptop,
    accepted: (event) => onAccepted(event, context),
  });
  parts.defer(() => mailroom[Symbol.dispose]());
  const servers = new Map<ListenerName, SmtpServer>();
  for (const name of smtpListeners) {
    const where = options.listen[name];
    if (where === undefined || (name === "submissions" && certificate === undefined)) continue;
    const tls = name === "submissions" ? "implicit" : certificate ? "starttls" : "none";
    const server = await serveSmtp({
      listener: { name, ...where, tls, plainAuthOnLoopback: laptop },
      mailroom,
      hostname: options.hostname,
      secureContext: () => certificate?.current(),
      connections: () => connectionLimits(live),
      events: { opened: (listener) => metrics.connection(listener) },
      log,
      clock: systemClock,
    });
    servers.set(name, parts.use(server));
  }
  const owned = parts.move();
  return {
    servers,
    drain: async () => {
      await Promise.all([...servers.values()].map((server) => server.drain()));
    },
    abort: () => {
      for (const server of servers.values()) server.abort();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The widest of any policy: who a client is, is only known once it is connected. */
function connectionLimits(live: LiveDirectory) {
  let connections = 0;
  let perClient = 0;
  for (const { limits } of live.current().policies()) {
    connections = Math.max(connections, limits.connections);
    perClient = Math.max(perClient, limits.connectionsPerClient);
  }
  return connections === 0 ? { connections: 1_000, perClient: 50 } : { connections, perClient };
}

function onAccepted({ message, jobs, octets, ms }: Accepted, { store, metrics }: GatewayContext): void {
  metrics.accepted(octets, ms);
  const job = jobs[0];
  if (job === undefined) return;
  const { sender, origin } = job;
  store.events.record({
    kind: "accepted",
    at: systemClock.now(),
    message,
    sender: sender.path,
    recipients: jobs.flatMap((j) => j.recipients.map((r) => r.address)),
    size: octets,
    client: origin.client,
    protocol: origin.protocol,
    helo: origin.helo,
    ...(origin.user === undefined ? {} : { user: origin.user }),
  });
}
