/**
 * The MTA-STS policy of a domain of ours: what the gateway serves and the operator's DNS records speak of.
 *
 * In:     the resource's spec; the names that its MX records shall have where it names none.
 * Out:    the policy, or `undefined` when the domain wants none.
 * Spec:   RFC 8461 §3.2.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { MailDomainSpec } from "../../crds/types.ts";
import type { StsPolicy } from "../mail/mta-sts.ts";

const usualSeconds = 7 * 86_400;

export function stsPolicyOf(
  { mtaSts, hostnames }: Partial<Pick<MailDomainSpec, "mtaSts" | "hostnames">>,
  hostname: string,
): StsPolicy | undefined {
  if (mtaSts === undefined || mtaSts.mode === "None") return undefined;
  const names = hostnames === undefined || hostnames.length === 0 ? [hostname] : hostnames;
  const maxAge = parseDuration(mtaSts.maxAge);
  return {
    mode: mtaSts.mode === "Enforce" ? "enforce" : "testing",
    mx: names.map((name) => name.toLowerCase()),
    maxAgeSeconds: maxAge === undefined ? usualSeconds : Math.floor(maxAge / 1_000),
  };
}
