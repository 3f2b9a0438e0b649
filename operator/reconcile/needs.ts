/**
 * Which Secrets a resource refers to, and which of their keys it needs.
 */

import { certificateFault } from "../../crds/certificate.ts";
import { routesOf } from "../../crds/choices.ts";
import { dkimSecretName, tlsSecretName } from "../desired/names.ts";
import type { SecretNeed } from "./resolve.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "./resources.ts";

export const dkimSecretOf = ({ metadata, spec }: MailDomain): string =>
  spec.dkim.secretRef?.name ?? dkimSecretName(metadata.name);

/** `<selector>.pem` and `<selector>-ed25519.pem`. */
export const dkimKeyFiles = ({ spec }: MailDomain): readonly string[] =>
  spec.dkim.algorithms.map((algorithm) =>
    algorithm === "Ed25519" ? `${spec.dkim.selector}-ed25519.pem` : `${spec.dkim.selector}.pem`,
  );

const tlsFault = (data: ReadonlyMap<string, string>): string | undefined =>
  certificateFault({ cert: data.get("tls.crt") ?? "", key: data.get("tls.key") ?? "" }, Date.now());

export function domainNeeds(domain: MailDomain): readonly SecretNeed[] {
  const { tls } = domain.spec;
  const keys = dkimKeyFiles(domain);
  const tlsName = tls?.secretName ?? (tls?.issuerRef ? tlsSecretName(domain.metadata.name) : undefined);
  return [
    ...(keys.length === 0 ? [] : [{ name: dkimSecretOf(domain), keys }]),
    ...(tlsName === undefined ? [] : [{ name: tlsName, keys: ["tls.crt", "tls.key"], check: tlsFault }]),
  ];
}

export const mailboxNeeds = ({ spec: { passwordSecretRef: ref } }: Mailbox): readonly SecretNeed[] =>
  ref ? [{ name: ref.name, keys: [ref.key] }] : [];

export function policyNeeds({ spec }: RelayPolicy): readonly SecretNeed[] {
  const refs = routesOf(spec).flatMap(({ smarthost }) => smarthost?.authSecretRef ?? []);
  return refs.map(({ name, usernameKey, passwordKey }) => ({ name, keys: [usernameKey, passwordKey] }));
}

export function needsOf(object: MailDomain | Mailbox | RelayPolicy): readonly SecretNeed[] {
  switch (object.kind) {
    case "MailDomain":
      return domainNeeds(object as MailDomain);
    case "Mailbox":
      return mailboxNeeds(object as Mailbox);
    default:
      return policyNeeds(object as RelayPolicy);
  }
}
