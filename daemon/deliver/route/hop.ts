/**
 * Finds the addresses of a next hop that was named by an administrator: a smarthost, an LMTP server, a re-route.
 *
 * In:     a host name or an IP address, with its port; MX records are not looked up.
 * Out:    candidates, or a deferral: mail is never lost to a mistyped name.
 * Fails:  rejects only with the signal's reason.
 */
import ipaddr from "ipaddr.js";
import type { Domain } from "../../mail/address.ts";
import type { Answer, HostAddress } from "./dns.ts";
import type { MxMeans } from "./mx.ts";
import { trouble } from "./trouble.ts";
import type { Candidate, Routed } from "./types.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type HopFound =
  | { readonly kind: "candidates"; readonly candidates: readonly Candidate[]; readonly validMs: number }
  | { readonly kind: "trouble"; readonly routed: Routed };

export async function findHop(hop: Endpoint, means: MxMeans, signal: AbortSignal): Promise<HopFound> {
  const found = await addressesOf(hop, means, signal);
  if (found.kind === "trouble") return found;
  const others = found.candidates.filter(({ address, port }) => !means.isOurAddress(address, port));
  if (others.length === 0) return { kind: "trouble", routed: trouble.hopIsUs(hop.host) };
  return { ...found, candidates: others };
}

async function addressesOf(
  { host, port }: Endpoint,
  { dns }: MxMeans,
  signal: AbortSignal,
): Promise<HopFound> {
  const family = ipFamily(host);
  if (family) return fixed({ host, address: host, family, port, preference: 0 });
  const answer = await dns.addresses(host, signal);
  if (answer.kind !== "found") return { kind: "trouble", routed: trouble.hop(host, whyNot(answer)) };
  const candidates = answer.records.map((record) => ({ host, ...record, port, preference: 0 }));
  return { kind: "candidates", candidates, validMs: answer.ttlMs };
}

function whyNot(answer: Exclude<Answer<HostAddress>, { kind: "found" }>): string {
  if (answer.kind === "failed") return answer.text;
  return answer.kind === "none" ? "it has no address" : "there is no such name";
}

/** `[192.0.2.1]` and `[IPv6:2001:db8::1]` name their host by its address. RFC 5321 §4.1.3 */
export function literalHop(domain: Domain, port: number): Endpoint | undefined {
  if (!domain.startsWith("[")) return undefined;
  return { host: domain.slice(1, -1).replace(/^IPv6:/, ""), port };
}

function ipFamily(host: string): 4 | 6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(host)) return 4;
  return ipaddr.IPv6.isValid(host) ? 6 : undefined;
}

/** An address holds for ever; the directory's next change looks again anyway. */
const fixed = (candidate: Candidate): HopFound => ({
  kind: "candidates",
  candidates: [candidate],
  validMs: Number.POSITIVE_INFINITY,
});
