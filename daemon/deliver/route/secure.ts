/**
 * What recipients' domains demand of the way to them: DANE of a host, MTA-STS of a domain.
 *
 * In:     the candidates of a domain's MX hosts; which answers the resolver vouched for by DNSSEC.
 * Out:    candidates with what each must prove; hosts that must not be used now are left out.
 * Order:  DANE goes before MTA-STS on a host that has it: a failure there is not to be healed by the other. RFC 8461 §2
 * Fails:  rejects only with the signal's reason. A look-up without an answer takes its host out for now, since an attacker
 *         may be the reason. RFC 7672 §2.1.1
 * Spec:   RFC 7672 §2.2 (TLSA look-ups), RFC 8461 §5.1.
 */
import { fitsSts, type StsPolicy } from "../../mail/mta-sts.ts";
import type { TlsFailure } from "../../mail/report/tls.ts";
import { isUsable, type Tlsa } from "../../mail/tlsa.ts";
import { nothingFound, stsSeen, type TlsWatch, tlsaSeen } from "../tls-watch.ts";
import type { Answer } from "./dns.ts";
import type { Candidate, HostSecurity } from "./types.ts";

export interface SecureMeans {
  /** TLSA records of a host's port. */
  readonly tlsa: (host: string, port: number, signal: AbortSignal) => Promise<Answer<Tlsa>>;
  readonly policy: (domain: string, signal: AbortSignal) => Promise<StsPolicy | undefined>;
  /** Why a policy that the domain says it has is not known. */
  readonly policyTrouble?: (domain: string) => TlsFailure | undefined;
}

export interface Secured {
  readonly candidates: readonly Candidate[];
  /** Why none is left. */
  readonly why?: string;
}

export async function secured(
  domain: string,
  candidates: readonly Candidate[],
  authentic: ReadonlySet<string>,
  means: SecureMeans,
  signal: AbortSignal,
  watch?: TlsWatch,
): Promise<Secured> {
  const hosts = [...new Set(candidates.map(({ host }) => host))];
  const [policy, ...found] = await Promise.all([
    means.policy(domain, signal),
    ...hosts.map((host) => daneOf(host, candidates, authentic, means, signal)),
  ]);
  const dane = new Map(hosts.map((host, i) => [host, found[i] as Dane]));
  const enforced = policy?.mode === "enforce" ? policy : undefined;
  if (watch) note(watch, hosts, dane, policy, policy ? undefined : means.policyTrouble?.(domain));
  const left = candidates.flatMap((candidate) => {
    const own = dane.get(candidate.host);
    if (own === "unknown") return [];
    if (own !== undefined) return [{ ...candidate, security: own }];
    if (enforced === undefined) return [candidate];
    return fitsSts(enforced, candidate.host) ? [{ ...candidate, security: { kind: "pkix" } as const }] : [];
  });
  if (left.length > 0) return { candidates: left };
  const unknown = [...dane.values()].includes("unknown");
  return {
    candidates: [],
    why: unknown
      ? "the TLSA records of its hosts cannot be looked up"
      : "its MTA-STS policy names none of its MX hosts",
  };
}

/** For reports on TLS: what holds for each host, and what is wrong before anybody connects. RFC 8460 §4.3 */
function note(
  { hosts: seenAt, lost }: TlsWatch,
  hosts: readonly string[],
  dane: ReadonlyMap<string, Dane>,
  policy: StsPolicy | undefined,
  trouble: TlsFailure | undefined,
): void {
  const sts = policy && policy.mode !== "none" ? { seen: stsSeen(policy), policy } : undefined;
  if (trouble) lost.push({ seen: stsSeen(undefined), failure: trouble });
  for (const mx of hosts) {
    const own = dane.get(mx);
    const unnamed = sts !== undefined && !fitsSts(sts.policy, mx);
    if (own === "unknown") lost.push({ seen: tlsaSeen([]), failure: { type: "dnssec-invalid", mx } });
    else if (own !== undefined) seenAt.set(mx, { seen: tlsaSeen(own.kind === "dane" ? own.records : []) });
    else if (sts === undefined) seenAt.set(mx, { seen: nothingFound });
    else if (sts.policy.mode === "testing")
      seenAt.set(mx, { seen: sts.seen, testing: true, ...(unnamed ? { unnamed } : {}) });
    else if (unnamed)
      lost.push({ seen: sts.seen, failure: { type: "validation-failure", mx, reason: "mx-not-in-policy" } });
    else seenAt.set(mx, { seen: sts.seen });
  }
}

/** Each is compared with every certificate of a chain, for every connection. Honest hosts have one or two for each key. */
const recordsMax = 50;

type Dane = HostSecurity | "unknown" | undefined;

async function daneOf(
  host: string,
  candidates: readonly Candidate[],
  authentic: ReadonlySet<string>,
  { tlsa }: SecureMeans,
  signal: AbortSignal,
): Promise<Dane> {
  if (!authentic.has(host)) return undefined;
  const port = candidates.find((candidate) => candidate.host === host)?.port ?? 25;
  const answer = await tlsa(host, port, signal);
  if (answer.kind === "failed") return "unknown";
  if (answer.kind !== "found" || !answer.authentic) return undefined;
  const records = answer.records.filter(isUsable).slice(0, recordsMax);
  // RFC 7672 §2.2: records that we cannot use still say that the host knows TLS.
  return records.length > 0 ? { kind: "dane", records } : { kind: "encrypt" };
}

/** Tells sites apart whose connections must not be shared. */
export function securityLabel(candidates: readonly Candidate[]): string {
  const labels = candidates.map(({ host, security }) => `${host}=${security?.kind ?? ""}`);
  return candidates.some(({ security }) => security) ? [...new Set(labels)].sort().join(" ") : "";
}
