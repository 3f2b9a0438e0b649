/**
 * How would this message go, and why? The road of a recipient as daemons would find it now, with nothing sent and nothing
 * written: who the client is, what the address means, which policy sends, and where to.
 *
 * In:     a recipient; a client by its address, or a user by its login name.
 * Out:    whether it would be taken, and for each address that it leads to the route with the reasons, a sentence each.
 * Fails:  rejects only with the signal's reason; all trouble of the DNS is part of the answer.
 */
import { type Expansion, expand, type Target } from "../accept/expand.ts";
import { ranksOf, type Standing, standingOf } from "../accept/standing.ts";
import type { MxMeans } from "../deliver/route/mx.ts";
import { route as findRoute, type Routable } from "../deliver/route/route.ts";
import { labelOf } from "../deliver/route/site-name.ts";
import type { NextHops, Route } from "../deliver/route/types.ts";
import { destinationFor } from "../directory/destination.ts";
import type { Directory } from "../directory/directory.ts";
import { type Address, domainOf } from "../mail/address.ts";
import type { Suspensions } from "../nats/suspensions.ts";
import type { PolicyName } from "../queue/job.ts";
import type { IsPaused } from "./filter.ts";

export interface DryRun {
  readonly recipient: Address;
  /** An IP address. */
  readonly client?: string;
  /** A login name; it counts before the client's address. */
  readonly user?: string;
}

export interface Hop {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly preference: number;
  readonly security: "none" | "encrypt" | "pkix" | "dane";
}

export interface Way {
  readonly recipient: string;
  readonly policy: PolicyName;
  readonly kind: Route["kind"];
  readonly why: readonly string[];
  readonly site?: string;
  readonly tls?: string;
  readonly hops?: readonly Hop[];
  /** Why it waits, or cannot be sent. */
  readonly reply?: string;
}

export interface DryRunResult {
  readonly accepted: boolean;
  readonly why: readonly string[];
  readonly ways: readonly Way[];
  /** Further addresses that it leads to, not looked at. */
  readonly more: number;
}

export interface DryRunMeans {
  readonly directory: Directory;
  readonly isPaused: IsPaused;
  readonly suspensions: Pick<Suspensions, "of">;
  readonly routing: MxMeans;
}

/** An alias may lead to a thousand addresses: these are enough to see. */
const LOOKED_AT = 20;

export async function dryRun(
  question: DryRun,
  means: DryRunMeans,
  signal: AbortSignal,
): Promise<DryRunResult> {
  const { directory } = means;
  const standing = standingOf(ranksOf(directory), question.client ?? "192.0.2.1", question.user);
  const who = [standingWords(question, standing)];
  const expansion = expand(directory, question.recipient);
  const meaning = meaningOf(question, expansion, standing);
  const why = [...who, meaning.why];
  if (meaning.kind === "refused") return { accepted: false, why, ways: [], more: 0 };
  const { ends } = meaning;
  const ways = await Promise.all(ends.slice(0, LOOKED_AT).map((end) => wayOf(end, means, signal)));
  return { accepted: true, why, ways, more: Math.max(0, ends.length - LOOKED_AT) };
}

function standingWords({ client, user }: DryRun, { kind, policy }: Standing): string {
  switch (kind) {
    case "user":
      return `The client logged in as ${user}, whose domain uses the RelayPolicy ${policy}.`;
    case "formerUser":
      return `${user} may not send: there is no such mailbox, it is suspended, or its domain is going.`;
    case "client":
      return `acceptFrom of the RelayPolicy ${policy} lists the client ${client}: it may send to the world.`;
    case "stranger":
      return `The client is a stranger, held to the limits of the RelayPolicy ${policy}: it may send to domains of ours only.`;
  }
}

interface End {
  readonly recipient: Address;
  readonly job: Routable;
  readonly why: string;
}

type Meaning =
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "taken"; readonly why: string; readonly ends: readonly End[] };

function meaningOf({ recipient }: DryRun, expansion: Expansion, standing: Standing): Meaning {
  const domain = domainOf(recipient);
  switch (expansion.kind) {
    case "foreign": {
      if (standing.kind === "stranger" || standing.kind === "formerUser")
        return { kind: "refused", why: `${domain} is no domain of ours, and this client may not relay.` };
      const why = `${domain} is no domain of ours: it is relayed by ${standing.policy}.`;
      return { kind: "taken", why, ends: [leaving(recipient, standing.policy, why)] };
    }
    case "unknown":
      return { kind: "refused", why: `${domain} is ours, and there is no ${recipient} in it.` };
    case "loop":
      return { kind: "refused", why: `The aliases of ${recipient} lead in a circle.` };
    case "tooMany":
      return { kind: "refused", why: `${recipient} leads to more addresses than a message may have.` };
    case "targets": {
      if (expansion.domain.draining)
        return { kind: "refused", why: `${domain} is being deleted: nothing new is taken.` };
      const why = expansion.expanded
        ? `${recipient} stands for ${expansion.targets.length} addresses.`
        : `${recipient} is an address of ${domain}, a domain of ours.`;
      return { kind: "taken", why, ends: expansion.targets.map(endOf) };
    }
  }
}

function endOf(target: Target): End {
  if (target.kind === "remote")
    return leaving(
      target.address,
      target.policy,
      `It leaves by ${target.policy}, the policy of its alias's domain.`,
    );
  const { address, domain } = target;
  const why =
    target.kind === "mailbox"
      ? `It is filed into the mailbox ${target.mailbox.mailbox}.`
      : `${domain.domain} is delivered by LMTP, to a server that decides about its names.`;
  const job = { class: "local", policy: domain.policy, destination: domain.domain } as const;
  return { recipient: address, job, why };
}

const leaving = (recipient: Address, policy: PolicyName, why: string): End => ({
  recipient,
  job: { class: "relay", policy, destination: domainOf(recipient) },
  why,
});

async function wayOf(
  end: End,
  { directory, isPaused, suspensions, routing }: DryRunMeans,
  signal: AbortSignal,
): Promise<Way> {
  const { recipient, job } = end;
  const { route } = await findRoute(job, directory, routing, signal);
  const why = [end.why, ...policyWords(job, directory)];
  if (isPaused(job)) why.push(`The delivery of ${job.policy} is paused: it waits until it goes on.`);
  const common = { recipient, policy: job.policy, kind: route.kind, why };
  if (route.kind === "deferred" || route.kind === "failed") {
    const { code, enhanced, text } = route.reply;
    return { ...common, reply: `${code} ${enhanced} ${text}` };
  }
  if (route.kind === "smtp" || route.kind === "lmtp") {
    why.push(...hopWords(route.next));
    const { site, policy } = route.next;
    if (suspensions.of(policy, labelOf(site)))
      why.push(
        `An operator has suspended what ${policy} sends to ${labelOf(site)}: it waits until that is resumed.`,
      );
    return { ...common, site: route.next.site, tls: route.next.tls, hops: hopsOf(route.next) };
  }
  if (route.kind === "forward") why.push(`All mail of the domain goes to ${route.to.join(", ")}.`);
  return common;
}

function policyWords({ class: cls, policy, destination }: Routable, directory: Directory): string[] {
  const entry = directory.policy(policy);
  if (cls === "local" || directory.domain(destination)) return [];
  if (!entry) return [`There is no RelayPolicy ${policy}.`];
  const { match, route } = destinationFor(entry, destination);
  const whose =
    match === "*" ? "no entry of its destinations matches" : `its destinations[] entry ${match} matches`;
  const way =
    route.kind === "mx"
      ? "the domain's MX hosts take it"
      : `the smarthost ${route.host}:${route.port} takes it`;
  return [`In ${policy} ${whose}: ${way}.`];
}

function hopWords({ tls, limits, candidates }: NextHops): string[] {
  const rate = limits.ratePerMinute === undefined ? "" : `, ${limits.ratePerMinute} messages a minute`;
  const words = [`TLS is ${tls}; at most ${limits.maxConnections} connections${rate}.`];
  const proven = new Set(candidates.flatMap(({ security }) => security?.kind ?? []));
  if (proven.has("dane")) words.push("DANE: its hosts must show the certificates that the DNS names.");
  if (proven.has("pkix")) words.push("MTA-STS: its hosts must prove their names.");
  return words;
}

const hopsOf = ({ candidates }: NextHops): readonly Hop[] =>
  candidates.map(({ host, address, port, preference, security }) => ({
    host,
    address,
    port,
    preference,
    security: security?.kind ?? "none",
  }));
