/**
 * An installation as people look at it and steer it: everything that console and API work with, on one connection to NATS.
 *
 * In:     a connection, the directory, the queue, a resolver.
 * Out:    an `Installation`, until it is disposed of (what was given to it stays open).
 * Fails:  `StoreFault` when NATS does not answer at the start.
 */
import type { MxMeans } from "../deliver/route/mx.ts";
import { StsPolicies } from "../deliver/route/sts.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { MailboxStores } from "../nats/mailbox/stores.ts";
import { openSuspensions, resume, type Suspended, type Suspensions } from "../nats/suspensions.ts";
import { fetchStsPolicy } from "../net/fetch-sts-policy.ts";
import type { TraceEvent } from "../queue/events.ts";
import { MailLines } from "../queue/mail-lines.ts";
import type { Concerned } from "../queue/message-event.ts";
import type { Queue } from "../queue/queue.ts";
import { ActivityWatch } from "./activity.ts";
import { DomainHealths } from "./domain-health.ts";
import type { IsPaused } from "./filter.ts";
import type { StoreOf } from "./mailbox-list.ts";
import { type PlacesAsked, placesOf } from "./mailbox-places.ts";
import { type Overview, Overviews } from "./overview.ts";
import { pausedBy } from "./paused.ts";
import type { Places } from "./places.ts";
import { QueueIndex } from "./queue-index.ts";
import { suspendNow } from "./suspending.ts";

export interface InstallationOptions {
  readonly link: Link;
  readonly layout: { readonly shards: number; readonly partitions: number };
  /** The only one that is looked at; absent: all. */
  readonly namespace: string | undefined;
  readonly live: LiveDirectory;
  readonly queue: Pick<Queue, "read" | "body" | "settle" | "forget">;
  /** Why no new mail may come in. */
  readonly closed: () => Overview["closed"];
  readonly record: (event: TraceEvent, about: Concerned) => void;
  readonly resolver: Resolver;
  /** Our public name. */
  readonly hostname: string;
  /** Of MX hosts. */
  readonly smtpPort: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Installation extends Omit<InstallationOptions, "resolver">, AsyncDisposable {
  readonly index: QueueIndex;
  readonly overviews: Overviews;
  readonly healths: DomainHealths;
  readonly suspensions: Suspensions;
  readonly isPaused: IsPaused;
  readonly routing: MxMeans;
  readonly storeOf: StoreOf;
  /** Where mailboxes lie, for those who look after them. Throws `CommandError`. */
  places(asked: PlacesAsked): Promise<Places>;
  readonly now: () => number;
  /** Throws `CommandError` when there are too many already. */
  suspend(what: Suspended, reason: string): Promise<void>;
  resume(what: Suspended): Promise<void>;
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { link, layout, live, clock, log, resolver, hostname } = options;
  await using parts = new AsyncDisposableStack();
  const suspensions = parts.use(await openSuspensions(link, log, options.namespace));
  const activity = parts.use(new ActivityWatch(link, clock, log));
  const isPaused = pausedBy(() => live.current(), suspensions);
  const now = () => clock.now();
  const { shards } = layout;
  const stores = parts.use(new MailboxStores({ link, clock, chance: Math.random, log, shards }));
  const directory = () => live.current();
  const index = new QueueIndex({ link, ...layout, directory, isPaused, now, log });
  const monotonic = () => clock.monotonic();
  const lines = parts.use(new MailLines(log, clock));
  const opened = parts.move();
  return {
    ...options,
    record: (event, about) => {
      lines.tell(event, about);
      options.record(event, about);
    },
    index,
    overviews: new Overviews({ index, activity, closed: options.closed, now }),
    healths: new DomainHealths({ index, resolver, hostname, monotonic }),
    suspensions,
    isPaused,
    routing: routingOf(options),
    storeOf: (namespace) => stores.of(namespace),
    places: (asked) => placesOf({ link, namespace: options.namespace, stores, live }, asked),
    now,
    suspend: (what, reason) => suspendNow({ link, suspensions, now }, what, reason),
    resume: (what) => resume(link, what),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** As relays route: with what recipients' domains demand of the way. */
function routingOf({ resolver, smtpPort, hostname, clock, log }: InstallationOptions): MxMeans {
  const policies = new StsPolicies({ dns: resolver, fetch: fetchStsPolicy, clock, log });
  return {
    dns: resolver,
    port: smtpPort,
    isOurName: (host) => host === hostname,
    isOurAddress: () => false, // where relays listen is not known here
    secure: {
      tlsa: (host, port, signal) => resolver.records(`_${port}._tcp.${host}`, "TLSA", signal),
      policy: (domain, signal) => policies.of(domain, signal),
    },
  };
}
