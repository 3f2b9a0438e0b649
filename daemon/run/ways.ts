/**
 * Every way that mail takes from here: over a socket, into a mailbox, on to another address.
 *
 * In:     what the delivering roles have opened.
 * Out:    `Ways`, which finds the way of a job and opens it. Both roles find every way, so that a domain that moved meanwhile
 *         is delivered wherever its job lies.
 */
import { jobsFor } from "../accept/jobs.ts";
import { Filter } from "../deliver/filter/filter.ts";
import { forwardJob } from "../deliver/forward.ts";
import { deliverLocally } from "../deliver/local.ts";
import { Routes } from "../deliver/route/cache.ts";
import type { SecureMeans } from "../deliver/route/secure.ts";
import { StsPolicies } from "../deliver/route/sts.ts";
import type { PublishedKeys } from "../deliver/sign/published-keys.ts";
import { ReturnPaths } from "../deliver/sign/return-path.ts";
import { Signer } from "../deliver/sign/signer.ts";
import { Hosts } from "../deliver/site/hosts.ts";
import type { Sites } from "../deliver/site/sites.ts";
import { Ways } from "../deliver/ways.ts";
import { connectLookup } from "../dns/connect-lookup.ts";
import type { Resolver } from "../dns/resolver.ts";
import { returnPathPurpose } from "../mail/srs.ts";
import { dial } from "../net/dial.ts";
import { fetchStsPolicy } from "../net/fetch-sts-policy.ts";
import { ownAddresses } from "../net/own-addresses.ts";
import type { Queued } from "../queue/job.ts";
import type { NewMessage } from "../queue/queue.ts";
import type { DeliveryContext, OpenedContext } from "./delivery-context.ts";
import { noteTls } from "./report-notes.ts";

export function waysOf(context: OpenedContext, resolver: Resolver, sites: Sites, keys: PublishedKeys): Ways {
  const { options, store, live, log, note, reputation } = context;
  const isOurs = ownAddresses();
  const routes = new Routes({
    directory: live,
    clock: store.clock,
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
      forwardJob({ queued, live, queue: store.queue, makeJobs: jobsFor, now: store.clock.now(), signal }),
    gate: ({ site, limits, policy }) => sites.gate(site, limits, policy),
    remote: {
      dial,
      connected: (tls) => context.metrics.nextHop(tls),
      queue: store.queue,
      signer: new Signer({ directory: live, keys, queue: store.queue, clock: store.clock }),
      feedback: reputation.feedback,
      returnPaths: new ReturnPaths({
        directory: live,
        keys: (namespace) => store.vault.deriveAll(returnPathPurpose, namespace),
        clock: store.clock,
      }),
      chance: Math.random,
      clock: store.clock,
      hosts: new Hosts(Math.random),
      ...(note ? { tell: (session) => noteTls(session, live, note) } : {}),
      log,
    },
    hostname: options.hostname,
  });
}

function secureMeans({ log, store }: DeliveryContext, resolver: Resolver): SecureMeans {
  const lookup = connectLookup(resolver);
  const fetch = (domain: string, signal: AbortSignal) => fetchStsPolicy(domain, signal, { lookup });
  const policies = new StsPolicies({ dns: resolver, fetch, clock: store.clock, log });
  return {
    tlsa: (host, port, signal) => resolver.records(`_${port}._tcp.${host}`, "TLSA", signal),
    policy: (domain, signal) => policies.of(domain, signal),
    policyTrouble: (domain) => policies.trouble(domain),
  };
}

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
    now: store.clock.now(),
    signal,
  });
}
