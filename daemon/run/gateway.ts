/**
 * The gateway role: the SMTP listeners, and the mailroom behind them.
 */

import type { Examine } from "../accept/inspection.ts";
import { type OpenMailroom, openMailroom } from "../accept/mailroom.ts";
import type { Lookup } from "../auth/origin/lookup.ts";
import type { Sasl } from "../auth/sasl/sasl.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { stsPolicyOf } from "../directory/sts-policy.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import type { FilterHealth } from "../filters/health.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Rates } from "../kit/rate.ts";
import type { Domain } from "../mail/address.ts";
import { formatStsPolicy } from "../mail/mta-sts.ts";
import { originalPath, returnPathPurpose } from "../mail/srs.ts";
import { JetStreamGreyBook } from "../nats/grey-book.ts";
import { SharedCounts } from "../nats/shared-counts.ts";
import { Caps } from "../net/caps.ts";
import type { Proxies } from "../net/proxied.ts";
import { type SmtpServer, serveSmtp } from "../net/serve-smtp.ts";
import { type StsServer, serveSts } from "../net/serve-sts.ts";
import type { MailLines } from "../queue/mail-lines.ts";
import type { Note } from "../reports/recorder.ts";
import type { Mailroom } from "../smtp/mailroom.ts";
import { tellAccepted } from "./accepted.ts";
import type { Certificate } from "./certificate.ts";
import { clientLimits } from "./client-limits.ts";
import { Filters } from "./filters.ts";
import type { Metrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";
import { noteDmarc } from "./report-notes.ts";
import type { Store } from "./store.ts";
import type { Tracing } from "./tracing/tracing.ts";

export interface Gateway extends AsyncDisposable {
  readonly servers: ReadonlyMap<ListenerName, SmtpServer>;
  /** Where MTA-STS policies are served, if they are. */
  readonly policies?: { readonly port: number };
  drain(): Promise<void>;
  abort(): void;
}

export interface GatewayContext {
  readonly options: RunOptions;
  readonly store: Store;
  readonly live: LiveDirectory;
  readonly sasl: Sasl;
  readonly metrics: Metrics;
  readonly certificate: Certificate;
  readonly filterHealth: FilterHealth;
  readonly proxies?: Proxies | undefined;
  /** Counts for reports to others. */
  readonly note?: Note;
  readonly tracing?: Tracing | undefined;
  readonly lines: MailLines;
  readonly log: Log;
}

const smtpListeners = ["smtp", "submission", "submissions"] as const;

export async function openGateway(context: GatewayContext): Promise<Gateway> {
  await using parts = new AsyncDisposableStack();
  const resolver = parts.use(
    new Resolver({ servers: await dnsServers(context.options), clock: systemClock }),
  );
  const lookup: Lookup = (name, type, signal) => resolver.records(name, type, signal);
  const counts = parts.use(shareCounts(context));
  const mailroom = openRoom(context, await examiner(context, lookup), lookup, counts.rates);
  parts.defer(() => mailroom[Symbol.dispose]());
  const caps = new Caps(clientLimits(context.live), (cap) =>
    context.metrics.refused(cap === "perClient" ? "connectionsPerClient" : "connections"),
  );
  const servers = new Map<ListenerName, SmtpServer>();
  for (const name of smtpListeners) {
    const opening = serve(name, context, mailroom, caps);
    if (opening) servers.set(name, parts.use(await opening));
  }
  const policies = await openPolicies(context);
  if (policies) parts.use(policies);
  const owned = parts.move();
  return {
    servers,
    ...(policies === undefined ? {} : { policies }),
    drain: async () => {
      mailroom.drain();
      await Promise.all([...servers.values()].map((server) => server.drain()));
    },
    abort: () => {
      for (const server of servers.values()) server.abort();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function openPolicies({
  options,
  live,
  certificate,
  metrics,
}: GatewayContext): Promise<StsServer> | undefined {
  const where = options.listen["mta-sts"];
  if (where === undefined) return undefined;
  return serveSts({
    ...where,
    secureContext: certificate.current,
    events: metrics.server("mta-sts"),
    policy: (domain) => {
      const entry = live.current().domain(domain as Domain);
      const policy = entry && stsPolicyOf(entry.spec, options.hostname);
      return policy && formatStsPolicy(policy);
    },
  });
}

const isLaptop = ({ nats }: RunOptions): boolean => nats.length === 0;

/** mailauth comes into memory where it is needed only. */
async function examiner({ options: { hostname }, log }: GatewayContext, lookup: Lookup): Promise<Examine> {
  const { Examination } = await import("../auth/origin/examination.ts");
  const means = { lookup, hostname, clock: systemClock, chance: Math.random, log };
  return (envelope) => new Examination(envelope, means);
}

/** Keys of rates: each client has some; about 25 MB when all are in use. */
const countedKeys = 200_000;

const groupOf = ({ namespace }: Store) => (namespace === undefined ? {} : { group: namespace });

/** The rates of clients, as all gateways count them. */
function shareCounts({ store, log }: GatewayContext): Disposable & { readonly rates: Rates } {
  const rates = new Rates(countedKeys);
  const key = store.vault.derive("counts of clients");
  const { link } = store;
  const now = systemClock.monotonic;
  const shared = new SharedCounts({ link, rates, key, now, log, ...groupOf(store) }).start();
  return { rates, [Symbol.dispose]: () => shared[Symbol.dispose]() };
}

function openRoom(context: GatewayContext, examine: Examine, lookup: Lookup, rates: Rates): OpenMailroom {
  const { options, store, live, log, sasl, metrics, note, filterHealth: health } = context;
  const key = store.vault.derive("correspondents of greylisting");
  const filters = new Filters({ clock: systemClock, observe: metrics.filtered, health });
  return openMailroom({
    live,
    queue: store.queue,
    sasl,
    statusOf: (mailbox, signal) => store.mailboxes.status(mailbox, signal),
    hostname: options.hostname,
    clock: store.clock,
    log,
    laptop: isLaptop(options),
    examine,
    observe: note && ((fact) => noteDmarc(fact, note)),
    look: filters.look,
    lookup,
    rates,
    greyBook: new JetStreamGreyBook({ link: store.link, key, ...groupOf(store) }),
    refused: metrics.refused,
    returned: (address, namespace) =>
      originalPath(address, store.vault.deriveAll(returnPathPurpose, namespace), store.clock.now()),
    accepted: (event) => tellAccepted(event, context),
  });
}

/** `undefined`: it is off. */
function serve(
  name: (typeof smtpListeners)[number],
  { options, metrics, log, certificate, proxies }: GatewayContext,
  mailroom: Mailroom,
  caps: Caps,
): Promise<SmtpServer> | undefined {
  const where = options.listen[name];
  if (where === undefined) return undefined;
  const tls = name === "submissions" ? "implicit" : "starttls";
  return serveSmtp({
    listener: { name, ...where, tls, plainAuthOnLoopback: isLaptop(options) },
    mailroom,
    hostname: options.hostname,
    secureContext: certificate.current,
    proxies,
    caps,
    events: metrics.smtp,
    log,
    clock: systemClock,
  });
}

const dnsServers = async ({ dns }: RunOptions) => (dns.length === 0 ? systemServers() : dns);
