/**
 * TLSA records against the certificates that a server showed.
 *
 * In:     the usable records of a host; its chain, the server's own certificate first.
 * Out:    which records can be used at all; whether the chain proves the host by one of them.
 * Spec:   RFC 6698 §2.1, RFC 7671 §5, RFC 7672 §3.1 (of the usages only DANE-EE and DANE-TA count for mail), §3.2.
 */
import { createHash, type X509Certificate } from "node:crypto";

export interface Tlsa {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Buffer;
}

const trustAnchor = 2;
const endEntity = 3;

/** RFC 7672 §3.1.3: PKIX usages are not for mail; unknown selectors and matching types say nothing to us. */
export const isUsable = ({ usage, selector, matching, data }: Tlsa): boolean =>
  (usage === trustAnchor || usage === endEntity) && selector <= 1 && matching <= 2 && data.length > 0;

/** `now` and the name count for DANE-TA only. RFC 7671 §5.1 */
export function proves(
  records: readonly Tlsa[],
  chain: readonly X509Certificate[],
  host: string,
  now: number,
): boolean {
  const [server] = chain;
  if (server === undefined) return false;
  return records.some((record) => {
    if (record.usage === endEntity) return matches(record, server);
    return record.usage === trustAnchor && provesByAnchor(record, chain, host, now);
  });
}

function provesByAnchor(record: Tlsa, chain: readonly X509Certificate[], host: string, now: number): boolean {
  const anchor = chain.findIndex((certificate) => matches(record, certificate));
  if (anchor < 0 || chain[0]?.checkHost(host) === undefined) return false;
  const path = chain.slice(0, anchor + 1);
  return path.every((certificate, i) => {
    const issuer = path[i + 1];
    const inTime = certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime();
    const issued =
      issuer === undefined ||
      (issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
    return inTime && issued;
  });
}

function matches({ selector, matching, data }: Tlsa, certificate: X509Certificate): boolean {
  const content =
    selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  if (matching === 0) return content.equals(data);
  return createHash(matching === 1 ? "sha256" : "sha512")
    .update(content)
    .digest()
    .equals(data);
}
