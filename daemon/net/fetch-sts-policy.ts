/**
 * Fetches a domain's MTA-STS policy.
 *
 * In:     a domain; in tests, where its host is and whom to trust.
 * Out:    the policy's text.
 * Fails:  rejects for anything but a 200 with at most 64 KiB of text/plain from `mta-sts.DOMAIN` itself, whose certificate
 *         must be valid, within 20 s: mail waits for it. Redirects are not followed.
 * Spec:   RFC 8461 §3.3 (where visitors may leave pages and pictures, a policy must not be one of them).
 */
import { type GetOptions, getText } from "./https-get.ts";

const patienceMs = 20_000;
/** RFC 8461 §3.3 advises a limit such as this one. */
const policyOctets = 64 << 10;

export function fetchStsPolicy(
  domain: string,
  signal: AbortSignal,
  more: GetOptions & { readonly port?: number } = {},
): Promise<string> {
  const { port, ...options } = more;
  const host = port === undefined ? `mta-sts.${domain}` : `mta-sts.${domain}:${port}`;
  const url = `https://${host}/.well-known/mta-sts.txt`;
  const headers = { accept: "text/plain" };
  return getText(
    url,
    { headers, limit: policyOctets, type: "text/plain", ...options },
    AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
  );
}
