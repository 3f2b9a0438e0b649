/**
 * Checks the Secrets that a MailDomain refers to: its certificate, and the keys that sign its mail.
 *
 * In:     the resource, the Secrets by title, the time.
 * Out:    problems, at the field that names the Secret. `dkimKeyFaults` alone judges keys that are there.
 */
import { createPrivateKey } from "node:crypto";
import { certificateFault } from "./certificate.ts";
import type { Path, Problem } from "./problem.ts";
import { type Placed, problemAt, type ResourceOf, type Secret, titleOf } from "./resource.ts";
import type { Dkim } from "./types.ts";

type MailDomain = Placed<ResourceOf<"MailDomain">>;

export function domainSecretProblems(
  resource: MailDomain,
  secrets: ReadonlyMap<string, Secret>,
  now: number,
): Problem[] {
  const { tls, dkim } = resource.spec;
  const find = (name: string) =>
    secrets.get(titleOf({ kind: "Secret", namespace: resource.namespace, name }));
  const problem = (path: Path, fault: string | undefined) =>
    fault === undefined ? [] : [problemAt(resource, path, fault)];
  const missing = (name: string) =>
    `there is no Secret ${name} in namespace ${resource.namespace}; add it, or correct the name`;
  const problems: Problem[] = [];
  if (tls?.secretName !== undefined) {
    const secret = find(tls.secretName);
    const fault = secret === undefined ? missing(tls.secretName) : certificateFaultOf(secret, now);
    problems.push(...problem(["spec", "tls", "secretName"], fault));
  }
  if (dkim.secretRef !== undefined) {
    const { name } = dkim.secretRef;
    const secret = find(name);
    const faults = secret === undefined ? [missing(name)] : dkimFaults(secret, dkim);
    for (const fault of faults) problems.push(...problem(["spec", "dkim", "secretRef", "name"], fault));
  }
  return problems;
}

function certificateFaultOf({ name, data }: Secret, now: number): string | undefined {
  const [cert, key] = [data.get("tls.crt"), data.get("tls.key")];
  if (cert === undefined || key === undefined) {
    const keys = [...data.keys()].join(", ") || "none";
    return `Secret ${name} must have the keys tls.crt and tls.key (its keys: ${keys})`;
  }
  const fault = certificateFault({ cert, key }, now);
  return fault && `Secret ${name}: ${fault}`;
}

const typeOf = { Rsa2048: "rsa", Ed25519: "ed25519" } as const;

/** The data keys of the current selector's private keys. Others are former ones. */
const dkimEntries = ({ selector, algorithms }: Pick<Dkim, "selector" | "algorithms">) =>
  algorithms.map((algorithm) => ({
    entry: algorithm === "Rsa2048" ? `${selector}.pem` : `${selector}-ed25519.pem`,
    type: typeOf[algorithm],
  }));

function dkimFaults({ name, data }: Secret, dkim: Dkim): string[] {
  const missing = dkimEntries(dkim).filter(({ entry }) => !data.has(entry));
  return [
    ...missing.map(
      ({ entry }) =>
        `Secret ${name} has no key ${entry}; add it (postfleet dkim makes one), or take its algorithm out of algorithms`,
    ),
    ...dkimKeyFaults(data, dkim).map((fault) => `Secret ${name}: ${fault}`),
  ];
}

export function dkimKeyFaults(
  data: Secret["data"],
  dkim: Pick<Dkim, "selector" | "algorithms">,
): readonly string[] {
  const wanted = new Map(dkimEntries(dkim).map(({ entry, type }) => [entry, type] as const));
  return [...data].flatMap(([entry, pem]) => {
    const fault = entry.endsWith(".pem") ? keyFault(pem, wanted.get(entry)) : undefined;
    return fault === undefined ? [] : [`key ${entry} ${fault}`];
  });
}

function keyFault(pem: string, wanted: "rsa" | "ed25519" | undefined): string | undefined {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem);
    if (wanted !== undefined && type !== wanted) return `is of type ${type}; put one of type ${wanted} there`;
    if (type === "ed25519") return undefined;
    if (type !== "rsa") return `is of type ${type}; DKIM knows RSA and Ed25519`;
    const bits = details?.modulusLength ?? 0;
    return bits < 1024 || bits > 4096 ? `has ${bits} bits; take one of 2048` : undefined; // RFC 8301 §3.2
  } catch {
    return "is no private key in PEM without a passphrase; put one there";
  }
}
