/**
 * Routing: who takes the mail of a destination next.
 *
 * In:     a destination, whether it was ours, its policy and an operator's re-route; the directory, the DNS, and how to recognise ourselves.
 * Out:    a `Route`. The first of these that applies: the operator's re-route · a domain of ours by its `delivery` · the
 *         policy's smarthost for the destination · an address literal · the MX hosts.
 * Fails:  rejects only with the signal's reason; all other trouble is a `deferred` or `failed` route.
 * Spec:   RFC 5321 §5.1, §4.1.3.
 */
import { destinationFor } from "../../directory/destination.ts";
import type {
  DestinationEntry,
  Directory,
  DomainEntry,
  PolicyEntry,
  SmarthostEntry,
} from "../../directory/directory.ts";
import type { Job } from "../../queue/job.ts";
import type { TlsWatch } from "../tls-watch.ts";
import { type Endpoint, findHop, literalHop } from "./hop.ts";
import { findMx, type MxFound, type MxMeans } from "./mx.ts";
import { type Secured, secured, securityLabel } from "./secure.ts";
import { mxLabel, siteName } from "./site-name.ts";
import { trouble } from "./trouble.ts";
import type { Limits, NextHops, Route, Routed } from "./types.ts";

/** What of a job decides its route. */
export type Routable = Pick<Job, "destination" | "policy" | "reroute" | "class"> & {
  /** RFC 8689 §4.2.2: what the destination demands of the way is passed over. */
  readonly tlsOptional?: true;
};

const forGood = Number.POSITIVE_INFINITY;

export function route(
  job: Routable,
  directory: Directory,
  means: MxMeans,
  signal: AbortSignal,
): Promise<Routed> {
  const policy = directory.policy(job.policy);
  const domain = directory.domain(job.destination);
  if (domain && !job.reroute) return toDomain(domain, policy, means, signal);
  // It was accepted for mailboxes of ours: whoever the DNS names now is not who it was meant for.
  if (job.class === "local" && !job.reroute) return Promise.resolve(trouble.domainGone(job.destination));
  if (!policy) return Promise.resolve(trouble.noPolicy(job.policy));
  const entry = destinationFor(policy, job.destination);
  const way: Way = { policy, entry, means, signal };
  if (job.reroute) return toHop("reroute", job.reroute, { tls: entry.tls, verify: false }, way);
  if (entry.route.kind === "smarthost") return toSmarthost(entry.route, way);
  const literal = literalHop(job.destination, means.port);
  return literal ? toLiteral(job, literal, way) : toMx(job, way);
}

/** What every way out has in common. */
interface Way {
  readonly policy: PolicyEntry;
  readonly entry: DestinationEntry;
  readonly means: MxMeans;
  readonly signal: AbortSignal;
}

async function toDomain(
  domain: DomainEntry,
  policy: PolicyEntry | undefined,
  means: MxMeans,
  signal: AbortSignal,
): Promise<Routed> {
  const { delivery } = domain;
  if (delivery.kind === "mailbox") return always({ kind: "local", domain });
  if (delivery.kind === "forward") return always({ kind: "forward", domain, to: delivery.to });
  if (!policy) return trouble.noPolicy(domain.policy);
  const security = { tls: delivery.tls, verify: delivery.tls === "Require" };
  const way: Way = { policy, entry: policy.elsewhere, means, signal };
  const { route, validMs } = await toHop("lmtp", delivery, security, way);
  return { route: route.kind === "smtp" ? { kind: "lmtp", domain, next: route.next } : route, validMs };
}

const always = (route: Route): Routed => ({ route, validMs: forGood });

async function toSmarthost(smarthost: SmarthostEntry, way: Way): Promise<Routed> {
  const { host, port, tls, auth } = smarthost;
  if (auth === "missing") return trouble.noSecret(host);
  const verify = tls === "Require" || tls === "Implicit";
  return toHop("smarthost", { host, port }, { tls, verify, ...(auth && { auth }) }, way);
}

async function toHop(kind: string, hop: Endpoint, security: Security, way: Way): Promise<Routed> {
  const found = await findHop(hop, way.means, way.signal);
  if (found.kind === "trouble") return found.routed;
  const next = nextHops(`${kind}:${hop.host}:${hop.port}`, [], found.candidates, security, way);
  return { route: { kind: "smtp", next }, validMs: found.validMs };
}

/** A sender chose this host: when it is us, no administrator will correct it. */
async function toLiteral(job: Routable, hop: Endpoint, way: Way): Promise<Routed> {
  if (way.means.isOurAddress(hop.host, hop.port)) return trouble.loop(job.destination, forGood);
  return toHop("address", hop, { tls: way.entry.tls, verify: false }, way);
}

async function toMx(job: Routable, way: Way): Promise<Routed> {
  const found = await findMx(job.destination, way.means, way.signal);
  if (found.kind === "trouble") return found.routed;
  const security = { tls: way.entry.tls, verify: false };
  const watch = watchOf(job, way);
  const { candidates, why } = await demanded(job, found, way, watch);
  if (why !== undefined) return watched(trouble.insecure(job.destination, why), watch);
  const identity = [...found.hosts, ...(candidates === found.candidates ? [] : [securityLabel(candidates)])];
  const next = nextHops(mxLabel(found.hosts), identity, candidates, security, way);
  return {
    route: { kind: "smtp", next: watch ? { ...next, watch } : next },
    validMs: way.means.secure ? Math.min(found.validMs, recheckMs) : found.validMs,
  };
}

/** How long a route holds whose security was looked up: a policy may be new. */
const recheckMs = 300_000;

function demanded(
  job: Routable,
  found: Found,
  { means, entry, signal }: Way,
  watch: TlsWatch | undefined,
): Secured | Promise<Secured> {
  if (means.secure === undefined || entry.tls === "Off" || job.tlsOptional) return found;
  return secured(job.destination, found.candidates, found.authentic, means.secure, signal, watch);
}

/** Where the policy reports on TLS, and TLS is wanted. */
function watchOf(
  { destination, tlsOptional }: Routable,
  { policy, entry, means }: Way,
): TlsWatch | undefined {
  const off = entry.tls === "Off" || tlsOptional || means.secure === undefined;
  if (off || policy.tlsReports === undefined) return undefined;
  return { policy: policy.policy, domain: destination, hosts: new Map(), lost: [] };
}

const watched = ({ route, validMs }: Routed, watch: TlsWatch | undefined): Routed => ({
  route: watch && route.kind === "deferred" ? { ...route, watch } : route,
  validMs,
});

type Found = Extract<MxFound, { kind: "candidates" }>;
type Security = Pick<NextHops, "tls" | "verify" | "auth">;

/** Connections are shared only where they are made, limited, secured and named alike: all of that makes the site. */
function nextHops(
  label: string,
  hosts: readonly string[],
  candidates: NextHops["candidates"],
  security: Security,
  { policy, entry, means }: Way,
): NextHops {
  const { tls, verify, auth } = security;
  const identity = [policy.policy, entry.match, tls, verify, auth?.username ?? "", means.port, ...hosts];
  const site = siteName(label, identity);
  return { site, policy: policy.policy, candidates, ...security, limits: limitsOf(entry) };
}

function limitsOf({ maxConnections, messagesPerConnection, ratePerMinute }: DestinationEntry): Limits {
  return { maxConnections, messagesPerConnection, ...(ratePerMinute !== undefined && { ratePerMinute }) };
}
