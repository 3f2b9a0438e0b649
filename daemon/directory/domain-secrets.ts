/**
 * What a MailDomain's Secrets give daemons: the keys that sign, and the certificate. The operator and the laptop read them
 * alike.
 *
 * In:     the decoded data of a Secret.
 * Out:    parts of a `DeclaredDomain`. Keys of the current selector come last, as the newest; whoever signs prefers the
 *         newest whose record is seen, so former keys go on until then.
 */
import type { Dkim } from "../../crds/types.ts";
import type { DeclaredDomain } from "./declared.ts";
import type { DkimSecret, TlsSecret } from "./directory.ts";

type SecretData = ReadonlyMap<string, string>;

function dkimSecrets(
  { selector, algorithms }: Pick<Dkim, "selector" | "algorithms">,
  data: SecretData,
): readonly DkimSecret[] {
  if (algorithms.length === 0) return [];
  const current = new Set([selector, `${selector}-ed25519`]);
  const keys = [...data].flatMap(([entry, privateKey]) =>
    entry.endsWith(".pem") ? [{ selector: entry.slice(0, -".pem".length), privateKey }] : [],
  );
  const age = (key: DkimSecret) => (current.has(key.selector) ? 1 : 0);
  return keys.sort((a, b) => age(a) - age(b) || (a.selector < b.selector ? -1 : 1));
}

function tlsSecret(data: SecretData): TlsSecret | undefined {
  const [cert, key] = [data.get("tls.crt"), data.get("tls.key")];
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** `read` gives the data of a Secret in the domain's namespace, if it is there. */
export function domainSecrets(
  { dkim, tls }: Pick<DeclaredDomain["spec"], "dkim" | "tls">,
  read: (name: string) => SecretData | undefined,
): Pick<DeclaredDomain, "dkim" | "tls"> {
  const keys = dkim.secretRef && read(dkim.secretRef.name);
  const certificate = tls?.secretName === undefined ? undefined : read(tls.secretName);
  const texts = certificate && tlsSecret(certificate);
  const signing = keys === undefined ? [] : dkimSecrets(dkim, keys);
  return { ...(signing.length > 0 ? { dkim: signing } : {}), ...(texts === undefined ? {} : { tls: texts }) };
}
