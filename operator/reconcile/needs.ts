/**
 * Which Secrets a resource refers to, which of their keys it needs, and what makes them of no use.
 */
import { certificateFault } from "../../crds/certificate.ts";
import { filtersOf, routesOf } from "../../crds/choices.ts";
import { dkimKeyFaults } from "../../crds/domain-secrets.ts";
import { filterPasswordFault } from "../../crds/filter-password.ts";
import { hookSecretFault } from "../../crds/hook-secret.ts";
import { passwordFault } from "../../crds/password.ts";
import { dkimSecretName, tlsSecretName } from "../desired/names.ts";
import type { SecretNeed } from "./resolve.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "./resources.ts";

export const dkimSecretOf = ({ metadata, spec }: MailDomain): string =>
  spec.dkim.secretRef?.name ?? dkimSecretName(metadata.name);

/** `<selector>.pem` and `<selector>-ed25519.pem`. */
const dkimKeyFiles = ({ spec }: MailDomain): readonly string[] =>
  spec.dkim.algorithms.map((algorithm) =>
    algorithm === "Ed25519" ? `${spec.dkim.selector}-ed25519.pem` : `${spec.dkim.selector}.pem`,
  );

type Data = ReadonlyMap<string, string>;

function tlsFaults(data: Data): readonly string[] {
  const [cert, key] = [data.get("tls.crt"), data.get("tls.key")];
  if (!cert || !key) return [];
  const fault = certificateFault({ cert, key }, Date.now());
  return fault === undefined ? [] : [fault];
}

/** Keys that are made here can be had anew. */
const dkimFaults =
  ({ spec: { dkim } }: MailDomain) =>
  (data: Data): readonly string[] =>
    dkimKeyFaults(data, dkim).map((fault) =>
      dkim.secretRef ? fault : `${fault}; delete the Secret, and new keys are made`,
    );

const faultsIn =
  (keys: readonly string[], faultOf: (value: string) => string | undefined) =>
  (data: Data): readonly string[] =>
    keys.flatMap((key) => {
      const fault = faultOf(data.get(key) ?? "");
      return fault === undefined ? [] : [`key ${key}: ${fault}`];
    });

export function domainNeeds(domain: MailDomain): readonly SecretNeed[] {
  const { tls } = domain.spec;
  const keys = dkimKeyFiles(domain);
  const tlsName = tls?.secretName ?? (tls?.issuerRef ? tlsSecretName(domain.metadata.name) : undefined);
  return [
    ...(keys.length === 0 ? [] : [{ name: dkimSecretOf(domain), keys, check: dkimFaults(domain) }]),
    ...(tlsName === undefined ? [] : [{ name: tlsName, keys: ["tls.crt", "tls.key"], check: tlsFaults }]),
    ...hookNeeds(domain.spec.webhooks),
    ...filterNeeds(domain),
  ];
}

/** The mailbox's own password and its app passwords, which may lie in one Secret. */
export function mailboxNeeds({ spec: { passwordSecretRef, appPasswords } }: Mailbox): readonly SecretNeed[] {
  const refs = [
    ...(passwordSecretRef ? [passwordSecretRef] : []),
    ...appPasswords.map(({ secretRef }) => secretRef),
  ];
  return bySecret(refs, passwordFault);
}

export function policyNeeds({ spec }: RelayPolicy): readonly SecretNeed[] {
  const refs = routesOf(spec).flatMap(({ smarthost }) => smarthost?.authSecretRef ?? []);
  return [
    ...refs.map(({ name, usernameKey, passwordKey }) => ({ name, keys: [usernameKey, passwordKey] })),
    ...hookNeeds(spec.webhooks),
  ];
}

const hookNeeds = (webhooks: RelayPolicy["spec"]["webhooks"] = []): readonly SecretNeed[] =>
  bySecret(
    webhooks.map(({ secretRef }) => secretRef),
    hookSecretFault,
  );

const filterNeeds = ({ spec }: MailDomain): readonly SecretNeed[] =>
  bySecret(
    filtersOf(spec).flatMap(({ rspamd }) => rspamd?.passwordSecretRef ?? []),
    filterPasswordFault,
  );

/** Several references may lead into one Secret. */
function bySecret(
  refs: readonly { readonly name: string; readonly key: string }[],
  faultOf: (value: string) => string | undefined,
): readonly SecretNeed[] {
  return [...Map.groupBy(refs, ({ name }) => name)].map(([name, ofOne]) => {
    const keys = [...new Set(ofOne.map(({ key }) => key))];
    return { name, keys, check: faultsIn(keys, faultOf) };
  });
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
