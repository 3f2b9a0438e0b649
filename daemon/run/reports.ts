/**
 * Reports to others, in a daemon: what counts, what makes and sends them. Every daemon that accepts or sends mail has its
 * part; which of them makes a day's reports is settled in the store.
 */
import { createHash, createHmac } from "node:crypto";
import { jobsFor } from "../accept/jobs.ts";
import type { Directory, LiveDirectory, ReportSender } from "../directory/directory.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { domainOf } from "../mail/address.ts";
import { dayEnd } from "../mail/report/day.ts";
import { reportMessage } from "../mail/report/message.ts";
import { acceptOnce } from "../nats/accept-once.ts";
import { JetStreamReportStore } from "../nats/reports.ts";
import { postReport } from "../net/post-report.ts";
import { newMessageId } from "../queue/ids.ts";
import type { PolicyName } from "../queue/job.ts";
import { dmarcMaker } from "../reports/dmarc.ts";
import { type Note, Recorder } from "../reports/recorder.ts";
import { Reporter } from "../reports/reporter.ts";
import type { Letter } from "../reports/sending.ts";
import { tlsMaker } from "../reports/tls.ts";
import { addressesBy } from "./addresses.ts";
import type { Metrics } from "./metrics.ts";
import type { RunOptions } from "./options.ts";
import type { Store } from "./store.ts";

export interface ReportsContext {
  readonly options: Pick<RunOptions, "hostname" | "dns">;
  readonly store: Pick<Store, "link" | "queue" | "vault" | "member" | "namespace">;
  readonly live: LiveDirectory;
  readonly log: Log;
  readonly metrics?: Pick<Metrics, "report">;
  /** By which days are over. Only tests give another than the system's. */
  readonly clock?: Clock;
}

export interface Reports extends AsyncDisposable {
  readonly note: Note;
  readonly recorder: Recorder;
  readonly reporter: Reporter;
  /** Makes reports from then on, as their time comes. */
  start(): void;
}

const idPurpose = "ids of reports";
const digestOctets = 10;
/** What is wrong with the domain's TLS is what the report tells. RFC 8460 §3 */
const anyTls = { tlsOptional: true } as const;

export async function openReports(context: ReportsContext): Promise<Reports> {
  const { options, store, live, log, clock = systemClock } = context;
  await using parts = new AsyncDisposableStack();
  const servers = options.dns.length === 0 ? await systemServers() : options.dns;
  const resolver = parts.use(new Resolver({ servers, clock: systemClock }));
  const { link, namespace } = store;
  const reports = parts.use(new JetStreamReportStore({ link, clock, log, namespace }).listen());
  const life = `${store.member.member}-${newMessageId(clock.now())}`;
  const recorder = parts.use(new Recorder({ store: reports, clock, log, author: life }));
  const reporter = new Reporter({
    store: reports,
    live,
    namespace,
    member: store.member.member,
    makers: makersOf(resolver),
    ended: (kind, state) => context.metrics?.report(kind, state),
    unready: (sender) => cannotSign(sender, live.current()),
    mail: (letter, signal) => mail(letter, context, signal),
    post: (url, packed, signal) => postReport(url, packed, { resolve: addressesBy(resolver) }, signal),
    idOf: (text) => createHash("sha256").update(text).digest("hex").slice(0, 24),
    spread: (text) => createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32,
    clock,
    log,
  });
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  parts.defer(async () => {
    stop.abort();
    await running;
  });
  const owned = parts.move();
  return {
    note: recorder.note,
    recorder,
    reporter,
    start: () => {
      running = reporter.run(stop.signal);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function startReports(context: ReportsContext): Promise<Reports> {
  const reports = await openReports(context);
  reports.start();
  return reports;
}

function makersOf(resolver: Resolver) {
  const txt = (name: string, signal: AbortSignal) => resolver.txt(name, signal);
  const organization = async (domain: string, signal: AbortSignal) => {
    // It brings mailauth along, which a relay needs once a day.
    const { organizationOf } = await import("../auth/origin/organization.ts");
    return organizationOf((name, type, stop) => resolver.records(name, type, stop))(domain, signal);
  };
  return [dmarcMaker({ txt, organization }), tlsMaker(txt)];
}

/** Reports without a signature of their sender's domain are believed by nobody. RFC 7489 §7.2.1.1, RFC 8460 §3 */
function cannotSign({ from, policy }: ReportSender, directory: Directory): string | undefined {
  const namespace = namespaceIn(policy);
  const signer = directory.domain(domainOf(from));
  if (signer?.namespace === namespace && signer.dkim.length > 0) return undefined;
  return `there is no MailDomain ${domainOf(from)} in namespace ${namespace} with DKIM keys to sign reports`;
}

const namespaceIn = (policy: PolicyName): string => policy.slice(0, policy.indexOf("/"));

/** The id of a report's message follows from what it is, and from a key: nobody else can tell it beforehand. */
async function mail(letter: Letter, context: ReportsContext, signal: AbortSignal): Promise<string> {
  const { live, store, options } = context;
  const { sender, to, day, once } = letter;
  const { from, policy, organization } = sender;
  const namespace = namespaceIn(policy);
  const directory = live.current();
  const [key = ""] = store.vault.deriveAll(idPurpose, namespace);
  const chance = createHmac("sha256", key).update(once).digest().subarray(0, digestOctets);
  const message = newMessageId(dayEnd(day), chance);
  const at = systemClock.now();
  const { jobs } = jobsFor(directory, {
    message,
    queuedAt: at,
    sender: { path: "", body: "7BIT", smtputf8: false, ...(letter.kind === "tls" ? anyTls : {}) },
    origin: { client: "local", helo: "", protocol: "local" },
    policy,
    recipients: [{ address: to, notify: "never" }],
  });
  if (jobs.length === 0) throw new Error("there is no such address");
  const { hostname } = options;
  const octets = reportMessage({ ...letter, message, from, organization, hostname, at });
  await acceptOnce(store.queue, message, jobs, octets, signal);
  return message;
}
