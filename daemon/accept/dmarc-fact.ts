/**
 * What a judged message adds to DMARC reports.
 *
 * In:     evidence, the envelope, and what became of the message at each domain of ours that it was for.
 * Out:    one fact for each reporter, with the worst that happened to the message there; none for domains whose record asks
 *         for no report, and for results that are not known.
 * Spec:   RFC 7489 §7.2, appendix C (`policy_evaluated`).
 */
import type { Evidence } from "../auth/origin/evidence.ts";
import type { DomainEntry } from "../directory/directory.ts";
import { type Address, parseDomain } from "../mail/address.ts";
import type { Disposition, DmarcRow, OverrideReason, PublishedPolicy } from "../mail/report/dmarc.ts";
import { parseRua, reportRecord } from "../mail/report/rua.ts";

export interface DmarcFact {
  readonly namespace: string;
  readonly from: Address;
  readonly policy: PublishedPolicy;
  readonly row: DmarcRow;
}

interface Judged {
  readonly entry: DomainEntry;
  readonly disposition: Disposition;
}

const rank = { none: 0, quarantine: 1, reject: 2 } as const;

export function dmarcFacts(
  evidence: Evidence,
  envelope: { readonly client: string; readonly helo: string; readonly reversePath: string },
  judged: Iterable<Judged>,
): readonly DmarcFact[] {
  const worst = new Map<string, Judged>();
  for (const one of judged) {
    const { dmarcReports, namespace } = one.entry;
    if (dmarcReports === undefined) continue;
    const key = `${namespace} ${dmarcReports.from}`;
    const known = worst.get(key);
    if (known === undefined || rank[one.disposition] > rank[known.disposition]) worst.set(key, one);
  }
  const policy = worst.size > 0 ? publishedPolicy(evidence) : undefined;
  if (policy === undefined) return [];
  return [...worst.values()].flatMap(({ entry: { namespace, dmarcReports }, disposition }) => {
    if (dmarcReports === undefined) return [];
    const row = rowOf(evidence, envelope, disposition);
    return [{ namespace, from: dmarcReports.from, policy, row }];
  });
}

/** `undefined`: nothing is to be told. */
function publishedPolicy({ dmarc }: Evidence): PublishedPolicy | undefined {
  const { found, result } = dmarc;
  if (found === undefined || (result !== "pass" && result !== "fail")) return undefined;
  const domain = parseDomain(found.domain);
  if (domain === undefined) return undefined;
  const tags = reportRecord("dmarc", [found.record]);
  if (!parseRua(tags?.get("rua") ?? "").some(({ kind }) => kind === "mail")) return undefined;
  const pct = Number(tags?.get("pct") ?? 100);
  const fo = tags?.get("fo") ?? "0";
  return {
    domain,
    adkim: found.strict.dkim ? "s" : "r",
    aspf: found.strict.spf ? "s" : "r",
    p: found.p,
    sp: found.sp,
    pct: Number.isInteger(pct) && pct >= 0 && pct <= 100 ? pct : 100,
    fo: /^[01ds](:[01ds]){0,3}$/.test(fo) ? fo : "0",
  };
}

function rowOf(
  evidence: Evidence,
  { client, reversePath }: { readonly client: string; readonly reversePath: string },
  disposition: Disposition,
): DmarcRow {
  const { spf, dkim, dmarc } = evidence;
  return {
    ip: client,
    disposition,
    dkim: dmarc.found?.aligned.dkim ? "pass" : "fail",
    spf: dmarc.found?.aligned.spf ? "pass" : "fail",
    reasons: reasonsOf(evidence, disposition),
    headerFrom: word(dmarc.domain),
    envelopeFrom: word(reversePath.slice(reversePath.lastIndexOf("@") + 1)),
    signatures: dkim.map(({ domain, selector, result }) => ({
      domain: word(domain),
      selector: word(selector),
      result,
    })),
    sender: {
      domain: word(spf.domain),
      scope: spf.identity === "helo" ? "helo" : "mfrom",
      result: spf.result,
    },
  };
}

/** What strangers chose, no longer than a name may be. */
const word = (text: string): string => text.toLowerCase().slice(0, 253);

/** Why it fared otherwise than its domain asked. */
function reasonsOf({ dmarc }: Evidence, disposition: Disposition): readonly OverrideReason[] {
  const asked = dmarc.result === "fail" ? dmarc.policy : "none";
  const reasons: OverrideReason[] = [];
  if (dmarc.result === "fail" && dmarc.found?.sampledOut) reasons.push({ type: "sampled_out" });
  if (disposition !== asked) reasons.push({ type: "local_policy" });
  return reasons;
}
