/**
 * The delivering roles: `relay` works on what leaves, `mailbox` on what is filed here. Each is an owner of partitions
 * with a dispatcher; both find every way, so that a domain that moved meanwhile is delivered wherever its job lies.
 */

import { setImmediate as turn } from "node:timers/promises";
import { jobsFor } from "../accept/jobs.ts";
import { Dispatcher } from "../deliver/dispatch.ts";
import { Filter } from "../deliver/filter/filter.ts";
import { QueueFinisher } from "../deliver/finish.ts";
import { forwardJob } from "../deliver/forward.ts";
import { answerInquiry, type Inquiry } from "../deliver/inquiry.ts";
import { deliverLocally } from "../deliver/local.ts";
import { Routes } from "../deliver/route/cache.ts";
import type { SecureMeans } from "../deliver/route/secure.ts";
import { StsPolicies } from "../deliver/route/sts.ts";
import { PublishedKeys } from "../deliver/sign/published-keys.ts";
import { ReturnPaths } from "../deliver/sign/return-path.ts";
import { Signer } from "../deliver/sign/signer.ts";
import { Hosts } from "../deliver/site/hosts.ts";
import type { SiteState } from "../deliver/site/site.ts";
import { Sites } from "../deliver/site/sites.ts";
import { Ways } from "../deliver/ways.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { connectLookup } from "../dns/connect-lookup.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import { systemClock } from "../kit/clock.ts";
import type { Endpoint } from "../kit/flags.ts";
import type { Log } from "../kit/log.ts";
import { returnPathPurpose } from "../mail/srs.ts";
import { answerFigures } from "../nats/figures.ts";
import { answerInquiries } from "../nats/inquiries.ts";
import { RivalOwners } from "../nats/rivals.ts";
import { openSuspensions } from "../nats/suspensions.ts";
import { dial } from "../net/dial.ts";
import { fetchStsPolicy } from "../net/fetch-sts-policy.ts";
import { ownAddresses } from "../net/own-addresses.ts";
import type { IsPaused } from "../operate/filter.ts";
import { pausedBy } from "../operate/paused.ts";
import type { Queued } from "../queue/job.ts";
import type { NewMessage, Ownership, Pool } from "../queue/queue.ts";
import { defaultRetry, expiresAt, longestWait } from "../queue/retry.ts";
import type { Note } from "../reports/recorder.ts";
import type { Metrics, QueueFigures } from "./metrics.ts";
import type { RunOptions } from "./options.ts";
import { noteTls } from "./report-notes.ts";
import { openReputation, type Reputation } from "./reputation.ts";
import type { Store } from "./store.ts";
import type { Tracing } from "./tracing/tracing.ts";

export interface DeliveryContext {
  readonly options: RunOptions;
  readonly store: Store;
  readonly live: LiveDirectory;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Aborted when everything must end at once. */
  readonly abort: AbortSignal;
  /** Aborted when nothing new must begin. */
  readonly drain: AbortSignal;
  /** Where our own SMTP listeners are: mail to them would come back. */
  readonly listening: () => readonly Endpoint[];
  /** How many clients are connected. */
  readonly clientSessions: () => number;
  /** Counts for reports to others. */
  readonly note?: Note;
  readonly tracing?: Tracing | undefined;
}

interface Opened extends DeliveryContext {
  readonly reputation: Reputation;
}

export interface Delivery extends AsyncDisposable {
  figures(): readonly [string, QueueFigures][];
  /** How many sites get as much as they may, less since they asked for less, nothing just now. */
  sites(): Readonly<Record<SiteState, number>>;
  /** False when a lease is about to run out. */
  readonly healthy: boolean;
  /** Lets attempts end and hands the partitions over. */
  release(): Promise<void>;
}

/** What all owners of a process share. */
interface Shared {
  readonly ways: Ways;
  readonly sites: Sites;
  readonly keys: PublishedKeys;
  readonly isPaused: IsPaused;
  readonly finisher: QueueFinisher;
}

interface Owned {
  readonly name: string;
  readonly dispatcher: Dispatcher;
  readonly owner: Ownership;
}

export async function openDelivery(given: DeliveryContext): Promise<Delivery> {
  const { options, store } = given;
  await using parts = new AsyncDisposableStack();
  const context: Opened = { ...given, reputation: parts.use(await openReputation(given)) };
  const resolver = parts.use(new Resolver({ servers: await dnsServers(options), clock: systemClock }));
  const keys = publishedKeys(context, resolver);
  const sites = new Sites({ clock: systemClock, chance: Math.random });
  const suspensions = parts.use(await openSuspensions(store.link, context.log));
  const ways = waysOf(context, resolver, sites, keys);
  const isPaused = pausedBy(() => context.live.current(), suspensions);
  const shared: Shared = { ways, sites, keys, isPaused, finisher: finisherOf(context) };
  const owners: Owned[] = [];
  const release = async () => {
    await Promise.all(owners.map(({ owner }) => owner.release()));
  };
  parts.defer(release);
  for (const pool of poolsOf(options, store.namespace)) {
    const owned = await own(pool, shared, context);
    owners.push(owned);
    parts.use(answering(pool, owned, context));
    parts.use(telling(pool, owned, shared, context));
  }
  if (options.roles.has("mailbox")) parts.use(store.mailboxes.collecting());
  const owned = parts.move();
  return {
    figures: () =>
      owners.map(({ name, dispatcher }) => {
        const stats = dispatcher.stats(systemClock.now());
        return [name, { ...stats, partitions: dispatcher.partitions.length }];
      }),
    sites: () => sites.states(),
    get healthy() {
      return owners.every(({ owner }) => owner.mayStart());
    },
    release,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Tells whoever asks, for scaling, how much of a policy's work lies here. */
function answering(pool: Pool, { dispatcher }: Owned, context: DeliveryContext): Disposable {
  const { store, log, clientSessions } = context;
  const { member, pod } = store.member;
  return answerFigures({
    link: store.link,
    pool,
    speaker: pod === undefined ? { member } : { member, pod },
    count: (policy) => {
      const now = systemClock.now();
      const { due, deferred, oldestDue, workers } = dispatcher.stats(now, policy);
      const sessions = workers + clientSessions();
      return { due, deferred, oldestDueMs: Math.max(0, now - (oldestDue ?? now)), sessions };
    },
    log,
  });
}

/** Tells people what the queue looks like here. */
function telling(pool: Pool, { dispatcher }: Owned, shared: Shared, context: DeliveryContext): Disposable {
  const { store, live, log } = context;
  const { sites, keys, isPaused } = shared;
  const telling = {
    entries: () => dispatcher.entries(),
    sites,
    keys,
    directory: () => live.current(),
    looking: () => ({
      now: systemClock.now(),
      isPaused,
      rest: async () => void (await turn()),
    }),
  };
  return answerInquiries({
    link: store.link,
    pool,
    member: store.member.member,
    partitions: () => dispatcher.partitions,
    answer: (inquiry) => answerInquiry(inquiry as Inquiry, telling),
    log,
  });
}

const finisherOf = ({ options, store, live, metrics, tracing, log, reputation }: Opened): QueueFinisher =>
  new QueueFinisher({
    queue: store.queue,
    directory: live,
    makeJobs: jobsFor,
    hostname: options.hostname,
    clock: systemClock,
    chance: Math.random,
    log,
    record: (event) => store.events.record(event),
    outcome: (outcome) => metrics.outcome(outcome),
    ...(tracing ? { attempted: (job, times, events) => tracing.attempted(job, times, events) } : {}),
    learn: reputation.learn,
  });

async function own(
  pool: Pool,
  { ways: wayfinder, finisher, isPaused }: Shared,
  context: Opened,
): Promise<Owned> {
  const { store, live, metrics, log, abort, reputation } = context;
  let owner: Ownership | undefined;
  const dispatcher = new Dispatcher({
    queue: store.queue,
    wayfinder,
    finisher,
    clock: systemClock,
    log,
    signal: abort,
    mayStart: () => owner?.mayStart() ?? false,
    paused: isPaused,
    suppressed: reputation.suppressed,
    partitions: (change, count) => metrics.partitions(pool.class, change, count),
    longestWaitMs: (job) => longestWait(live.current().policy(job.policy)?.retry ?? defaultRetry),
    expiresAt: (job) => expiresAt(job.queuedAt, live.current().policy(job.policy)?.retry ?? defaultRetry),
  });
  owner = await ownPatiently(() => store.queue.own(pool, dispatcher, abort), context);
  return { name: pool.class, dispatcher, owner };
}

/** How often rivals are looked for, ms. */
const RIVALS_PAUSE_MS = 2_000;

/**
 * Around a NATS that others share, owners of the same jobs may be on their way out: they are waited for. On a store of our
 * own nobody else can be meant to work.
 */
async function ownPatiently(
  own: () => Promise<Ownership>,
  { options, drain, log }: DeliveryContext,
): Promise<Ownership> {
  for (let told = false; ; told = true) {
    try {
      return await own();
    } catch (error) {
      if (!(error instanceof RivalOwners) || options.nats.length === 0) throw error;
      if (!told) log.warn({ why: error.message }, "waiting for others to leave this queue");
      await systemClock.sleep(RIVALS_PAUSE_MS, drain);
    }
  }
}

function poolsOf({ roles, policy }: RunOptions, namespace: string | undefined): Pool[] {
  const pools: Pool[] = [];
  const of = namespace === undefined ? {} : { namespace };
  if (roles.has("relay"))
    pools.push(policy === undefined ? { class: "relay", ...of } : { class: "relay", policy });
  if (roles.has("mailbox")) pools.push({ class: "local", ...of });
  return pools;
}

function waysOf(context: Opened, resolver: Resolver, sites: Sites, keys: PublishedKeys): Ways {
  const { options, store, live, log, note, reputation } = context;
  const isOurs = ownAddresses();
  const routes = new Routes({
    directory: live,
    clock: systemClock,
    dns: resolver,
    port: options.smtpPort,
    secure: secureMeans(context, resolver),
    isOurName: (host) => host === options.hostname,
    isOurAddress: (address, port) => isOurs(address) && context.listening().some((l) => l.port === port),
  });
  const filter = filterOf(context);
  return new Ways({
    routes,
    directory: live,
    local: isApart(context)
      ? (queued, signal) => toMailboxes(queued, context, signal)
      : async (queued, signal) => {
          await reputation.look(queued, signal);
          return fileHere(queued, context, filter, signal);
        },
    forward: (queued, signal) =>
      forwardJob({ queued, live, queue: store.queue, makeJobs: jobsFor, now: systemClock.now(), signal }),
    gate: (site, limits) => sites.gate(site, limits),
    remote: {
      dial,
      connected: (tls) => context.metrics.nextHop(tls),
      queue: store.queue,
      signer: new Signer({ directory: live, keys, queue: store.queue, clock: systemClock }),
      feedback: reputation.feedback,
      returnPaths: new ReturnPaths({
        directory: live,
        keys: (namespace) => store.vault.deriveAll(returnPathPurpose, namespace),
        clock: systemClock,
      }),
      chance: Math.random,
      clock: systemClock,
      hosts: new Hosts(Math.random),
      ...(note ? { tell: (session) => noteTls(session, live, note) } : {}),
      log,
    },
    hostname: options.hostname,
  });
}

function secureMeans({ log }: DeliveryContext, resolver: Resolver): SecureMeans {
  const lookup = connectLookup(resolver);
  const fetch = (domain: string, signal: AbortSignal) => fetchStsPolicy(domain, signal, { lookup });
  const policies = new StsPolicies({ dns: resolver, fetch, clock: systemClock, log });
  return {
    tlsa: (host, port, signal) => resolver.records(`_${port}._tcp.${host}`, "TLSA", signal),
    policy: (domain, signal) => policies.of(domain, signal),
    policyTrouble: (domain) => policies.trouble(domain),
  };
}

const publishedKeys = ({ log, abort }: DeliveryContext, dns: Resolver): PublishedKeys =>
  new PublishedKeys({ dns, clock: systemClock, log, signal: abort });

function filterOf({ options, store, log }: DeliveryContext): Filter {
  const { mailboxes, queue } = store;
  return new Filter({ scripts: mailboxes.scripts, store: mailboxes, queue, hostname: options.hostname, log });
}

/** A namespace's relay cannot reach mailboxes that others keep. */
const isApart = ({ options, store }: DeliveryContext): boolean =>
  store.link.confined !== undefined && !options.roles.has("mailbox");

/** The destination has become a domain of ours: its mail is left to those who keep its mailboxes, in one step. */
async function toMailboxes(
  { key, revision, job, inline }: Queued,
  { live, store }: DeliveryContext,
  signal: AbortSignal,
): Promise<"stale"> {
  const { body, ...rest } = job;
  const policy = live.current().domain(job.destination)?.policy ?? job.policy;
  const also: NewMessage = {
    jobs: [{ ...rest, class: "local", policy }],
    body: body.kind === "inline" ? { kind: "inline", octets: inline ?? new Uint8Array() } : body,
  };
  await store.queue.settle({ key, revision, next: undefined, also: [also] }, signal);
  return "stale";
}

function fileHere(queued: Queued, { live, store }: DeliveryContext, filter: Filter, signal: AbortSignal) {
  const directory = live.current();
  const domain = directory.domain(queued.job.destination);
  // Between routing and filing the domain was taken away: routing anew says where it goes now.
  if (domain === undefined) throw new Error(`${queued.job.destination} is no longer a domain of ours`);
  const { queue, mailboxes } = store;
  return deliverLocally({
    queued,
    domain,
    directory,
    store: mailboxes,
    queue,
    filter,
    now: systemClock.now(),
    signal,
  });
}

const dnsServers = async ({ dns }: RunOptions) => (dns.length === 0 ? systemServers() : dns);
