/**
 * The delivering roles: `relay` works on what leaves, `mailbox` on what is filed here. Each is an owner of partitions
 * with a dispatcher; both find every way, so that a domain that moved meanwhile is delivered wherever its job lies.
 */

import { setImmediate as turn } from "node:timers/promises";
import { jobsFor } from "../accept/jobs.ts";
import { Dispatcher } from "../deliver/dispatch.ts";
import { QueueFinisher } from "../deliver/finish.ts";
import { answerInquiry, type Inquiry } from "../deliver/inquiry.ts";
import type { SiteLabel } from "../deliver/route/types.ts";
import { PublishedKeys } from "../deliver/sign/published-keys.ts";
import { Sites } from "../deliver/site/sites.ts";
import type { Ways } from "../deliver/ways.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import { NamespaceCrowded } from "../nats/crowding.ts";
import { answerFigures } from "../nats/figures.ts";
import { answerInquiries } from "../nats/inquiries.ts";
import { RivalOwners } from "../nats/rivals.ts";
import { openSuspensions } from "../nats/suspensions.ts";
import type { IsPaused } from "../operate/filter.ts";
import { pausedBy } from "../operate/paused.ts";
import { countGroups, type Looking } from "../queue/inquiry.ts";
import type { PolicyName } from "../queue/job.ts";
import { concerning } from "../queue/message-event.ts";
import type { Ownership, Pool } from "../queue/queue.ts";
import { defaultRetry, expiresAt, longestWait } from "../queue/retry.ts";
import type { DeliveryContext, OpenedContext } from "./delivery-context.ts";
import type { DeliveryView } from "./delivery-metrics.ts";
import type { RunOptions } from "./options.ts";
import { openReputation } from "./reputation.ts";
import { waysOf } from "./ways.ts";

export interface Delivery extends DeliveryView, AsyncDisposable {
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
  const context: OpenedContext = { ...given, reputation: parts.use(await openReputation(given)) };
  const resolver = parts.use(new Resolver({ servers: await dnsServers(options), clock: systemClock }));
  const keys = publishedKeys(context, resolver);
  const suspensions = parts.use(await openSuspensions(store.link, context.log));
  const isSuspended = (policy: PolicyName, site: SiteLabel) => suspensions.of(policy, site) !== undefined;
  const sites = new Sites({ clock: store.clock, chance: Math.random, isSuspended });
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
    queues: () =>
      owners.map(({ name, dispatcher }) => {
        const stats = dispatcher.stats(store.clock.now());
        return [name, { ...stats, partitions: dispatcher.partitions.length }];
      }),
    sites: () => sites.states(),
    groups: (limit) =>
      Promise.all(
        owners.map(async ({ name, dispatcher }) => {
          const inquiry = { kind: "groups", of: {}, limit } as const;
          return [
            name,
            await countGroups(dispatcher.entries(), inquiry, lookingAt(dispatcher, shared, store.clock)),
          ] as const;
        }),
      ),
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
      const now = store.clock.now();
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
  const { sites, keys } = shared;
  const telling = {
    entries: () => dispatcher.entries(),
    sites,
    keys,
    directory: () => live.current(),
    looking: () => lookingAt(dispatcher, shared, store.clock),
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

/** A look at every job, which lets others work. */
const lookingAt = (
  dispatcher: Dispatcher,
  { isPaused }: Pick<Shared, "isPaused">,
  clock: Clock,
): Looking => ({
  now: clock.now(),
  isPaused: (job) => isPaused(job) || dispatcher.isKeptBack(job),
  rest: async () => void (await turn()),
});

const finisherOf = ({
  options,
  store,
  live,
  metrics,
  tracing,
  lines,
  log,
  reputation,
}: OpenedContext): QueueFinisher =>
  new QueueFinisher({
    queue: store.queue,
    directory: live,
    makeJobs: jobsFor,
    hostname: options.hostname,
    clock: store.clock,
    chance: Math.random,
    log,
    record: (event, about) => store.events.tell(event, about),
    keep: (events, about) => store.events.keep(events, about),
    outcome: (outcome) => metrics.outcome(outcome),
    attempted: (job, times, events) => {
      tracing?.attempted(job, times, events);
      const about = concerning(job);
      for (const event of events) {
        lines.tell(event, about);
        if ("ms" in event && event.ms !== undefined) metrics.attempt(job.class, event.kind, event.ms);
      }
    },
    learn: reputation.learn,
  });

async function own(
  pool: Pool,
  { ways: wayfinder, finisher, isPaused }: Shared,
  context: OpenedContext,
): Promise<Owned> {
  const { store, live, metrics, log, abort, reputation } = context;
  let owner: Ownership | undefined;
  const dispatcher = new Dispatcher({
    queue: store.queue,
    wayfinder,
    finisher,
    clock: store.clock,
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

/** How often is looked whether others have left, ms. */
const OTHERS_PAUSE_MS = 2_000;

/**
 * Around a NATS that others share, owners of the same jobs may be on their way out, or policies whose leases take the room: they
 * are waited for. On a store of our own nobody else can be meant to work.
 */
async function ownPatiently(
  own: () => Promise<Ownership>,
  { options, drain, log }: DeliveryContext,
): Promise<Ownership> {
  for (let told = false; ; told = true) {
    try {
      return await own();
    } catch (error) {
      const others = error instanceof RivalOwners || error instanceof NamespaceCrowded;
      if (!others || options.nats.length === 0) throw error;
      if (!told) log.warn({ why: error.message }, "waiting for others to leave this queue");
      await systemClock.sleep(OTHERS_PAUSE_MS, drain);
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

const publishedKeys = ({ log, abort }: DeliveryContext, dns: Resolver): PublishedKeys =>
  new PublishedKeys({ dns, clock: systemClock, log, signal: abort });

const dnsServers = async ({ dns }: RunOptions) => (dns.length === 0 ? systemServers() : dns);
