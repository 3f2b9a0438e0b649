/**
 * Finds the hosts that take mail for a domain by its DNS records.
 *
 * In:     a domain; the DNS; how to recognise ourselves.
 * Out:    candidates by preference, none of them ourselves nor farther than ourselves; or the trouble that there is.
 * Fails:  rejects only with the signal's reason.
 * Spec:   RFC 5321 §5.1 (MX, implicit MX, loops), RFC 7505 (null MX), RFC 2181 §10.3 (aliases as MX are tolerated).
 */
import { type Domain, parseDomain } from "../../mail/address.ts";
import type { Answer, Dns, HostAddress, Mx } from "./dns.ts";
import type { SecureMeans } from "./secure.ts";
import { trouble } from "./trouble.ts";
import type { Candidate, Routed } from "./types.ts";

export interface MxMeans {
  readonly dns: Dns;
  /** Where MX hosts listen: 25, unless a test or a laptop says otherwise. */
  readonly port: number;
  /** Is this name one of ours? */
  readonly isOurName: (host: string) => boolean;
  /** What recipients' domains demand of the way; absent: nobody is asked. */
  readonly secure?: SecureMeans;
  /** Do we listen here ourselves? */
  readonly isOurAddress: (address: string, port: number) => boolean;
}

export type MxFound =
  | {
      readonly kind: "candidates";
      readonly hosts: readonly string[];
      readonly candidates: readonly Candidate[];
      /** Hosts whose names and addresses both the resolver vouches for by DNSSEC. */
      readonly authentic: ReadonlySet<string>;
      readonly validMs: number;
    }
  | { readonly kind: "trouble"; readonly routed: Routed };

/** More hosts than this are not looked up: the nearest ones by preference, then by name, so that a site keeps its name. */
const maxHosts = 20;
const maxAddressesPerHost = 8;

interface Host extends Mx {
  readonly answer: Answer<HostAddress>;
}

export async function findMx(domain: Domain, means: MxMeans, signal: AbortSignal): Promise<MxFound> {
  const answer = await means.dns.mx(domain, signal);
  if (answer.kind === "failed") return inTrouble(trouble.dns(domain, answer.text));
  if (answer.kind === "nxdomain") return inTrouble(trouble.noSuchDomain(domain, answer.ttlMs));
  if (answer.kind === "none") return findImplicit(domain, answer.ttlMs, means, signal);
  if (answer.records.every((mx) => mx.host === "")) return inTrouble(trouble.noMail(domain, answer.ttlMs)); // RFC 7505 §3
  const named = nearest(answer.records);
  const hosts = await Promise.all(named.map((mx) => resolve(mx, means, signal)));
  return choose(domain, hosts, answer.ttlMs, means, answer.authentic);
}

/** Without MX records the domain itself is the host. RFC 5321 §5.1 */
async function findImplicit(
  domain: Domain,
  ttlMs: number,
  means: MxMeans,
  signal: AbortSignal,
): Promise<MxFound> {
  if (means.isOurName(domain)) return inTrouble(trouble.loop(domain, ttlMs));
  const host = await resolve({ preference: 0, host: domain }, means, signal);
  const { answer } = host;
  if (answer.kind === "failed") return inTrouble(trouble.dns(domain, answer.text));
  if (answer.kind !== "found") return inTrouble(trouble.noHost(domain, Math.min(ttlMs, answer.ttlMs)));
  // Whether there truly is no MX record nobody vouches for: a negative answer does not say.
  return choose(domain, [host], ttlMs, means, false);
}

/** Names that are host names, nearest first; the root is no host beside others, an address is no name. */
function nearest(records: readonly Mx[]): readonly Mx[] {
  const hosts = new Map<string, Mx>();
  for (const { host: name, preference } of records) {
    const host = parseDomain(name);
    const known = host && hosts.get(host);
    if (host && !(known && known.preference <= preference)) hosts.set(host, { preference, host });
  }
  return [...hosts.values()]
    .sort((a, b) => a.preference - b.preference || (a.host < b.host ? -1 : 1))
    .slice(0, maxHosts);
}

async function resolve(mx: Mx, { dns, isOurName }: MxMeans, signal: AbortSignal): Promise<Host> {
  const ours = isOurName(mx.host);
  return { ...mx, answer: ours ? { kind: "none", ttlMs: 0 } : await dns.addresses(mx.host, signal) };
}

/** RFC 5321 §5.1: what is not nearer to the destination than we are must not get the message. */
function choose(
  domain: Domain,
  hosts: readonly Host[],
  ttlMs: number,
  means: MxMeans,
  sure: boolean,
): MxFound {
  const ours = hosts.filter((host) => isUs(host, means)).map((host) => host.preference);
  const limit = Math.min(...ours);
  const nearer = hosts.filter((host) => host.preference < limit);
  const validMs = Math.min(
    ttlMs,
    ...nearer.map(({ answer }) => ("ttlMs" in answer ? answer.ttlMs : shortMs)),
  );
  if (nearer.length === 0) {
    return inTrouble(hosts.length > 0 ? trouble.loop(domain, ttlMs) : trouble.noMxHost(domain, ttlMs));
  }
  const candidates = nearer.flatMap((host) => candidatesOf(host, means.port));
  if (candidates.length > 0) {
    const names = nearer.map((host) => host.host).sort();
    const vouched = nearer.filter(({ answer }) => sure && answer.kind === "found" && answer.authentic);
    const authentic = new Set(vouched.map(({ host }) => host));
    return { kind: "candidates", hosts: names, candidates, authentic, validMs };
  }
  const doubt = nearer.some(({ answer }) => answer.kind === "failed");
  return inTrouble(doubt ? trouble.mxHosts(domain) : trouble.noMxHost(domain, validMs));
}

/** How long a route holds in which one host could not be resolved: it may come back. */
const shortMs = 60_000;

function isUs(host: Host, { isOurName, isOurAddress, port }: MxMeans): boolean {
  if (isOurName(host.host)) return true;
  return (
    host.answer.kind === "found" && host.answer.records.some(({ address }) => isOurAddress(address, port))
  );
}

function candidatesOf({ host, preference, answer }: Host, port: number): Candidate[] {
  if (answer.kind !== "found") return [];
  return answer.records
    .slice(0, maxAddressesPerHost)
    .map((record) => ({ host, ...record, port, preference }));
}

const inTrouble = (routed: Routed): MxFound => ({ kind: "trouble", routed });
