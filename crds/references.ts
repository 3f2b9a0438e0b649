/**
 * Checks what resources say of each other and of Secrets.
 *
 * In:     resources that are sound by themselves, Secrets, and the resources that are not sound (what they would have
 *         declared is not reported as missing: one mistake, one problem).
 * Out:    problems: things declared twice, domains, policies and Secrets that are missing; and `routeProblems`.
 */

import { complaintsDomain, noComplaintsDomain } from "./complaints.ts";
import { isRecord } from "./defaults.ts";
import { domainSecretProblems } from "./domain-secrets.ts";
import type { RawResource } from "./envelope.ts";
import { filterPasswordFault } from "./filter-password.ts";
import { hookSecretFault } from "./hook-secret.ts";
import { canonicalAddress, canonicalDomain, domainPart } from "./names.ts";
import { passwordFault } from "./password.ts";
import type { Path, Problem } from "./problem.ts";
import {
  type Placed,
  placeOf,
  problemAt,
  type Resource,
  type ResourceOf,
  type Secret,
  titleOf,
} from "./resource.ts";
import { routeProblems } from "./routes.ts";
import type { DmarcReports, TlsReports } from "./types.ts";

export interface World {
  readonly resources: readonly Placed<Resource>[];
  readonly secrets: readonly Placed<Secret>[];
  readonly broken: readonly RawResource[];
}

export function referenceProblems(world: World): readonly Problem[] {
  const domains = new Map<string, Placed<ResourceOf<"MailDomain">>>();
  const problems = [...nameClashes([...world.resources, ...world.secrets])];
  for (const resource of world.resources) {
    if (resource.kind !== "MailDomain") continue;
    const domain = canonicalDomain(resource.spec.domain) ?? resource.spec.domain;
    const other = domains.get(domain);
    if (other === undefined) domains.set(domain, resource);
    else problems.push(problemAt(resource, ["spec", "domain"], clashSentence(domain, other)));
  }
  const check = new References(world, domains);
  for (const resource of world.resources) problems.push(...check.of(resource));
  return [...problems, ...routeProblems(world.resources, { domains, unsure: unsureDomains(world.broken) })];
}

const clashSentence = (domain: string, other: Placed<Resource>) =>
  `${domain} is already declared by ${titleOf(other)} (${placeOf(other, ["spec", "domain"])}); keep one of them`;

export const noRelayPolicy = (name: string, namespace: string): string =>
  `there is no RelayPolicy ${name} in namespace ${namespace}; declare it, or remove relayPolicyRef`;

function nameClashes(all: readonly Placed<Resource | Secret>[]): Problem[] {
  const seen = new Map<string, Placed<Resource | Secret>>();
  return all.flatMap((one) => {
    const other = seen.get(titleOf(one));
    if (other === undefined) {
      seen.set(titleOf(one), one);
      return [];
    }
    const words = `there is already a ${titleOf(one)} at ${placeOf(other, ["metadata", "name"])}; give one of them another name`;
    return [problemAt(one, ["metadata", "name"], words)];
  });
}

/** Domains that a broken resource names. */
function unsureDomains(broken: readonly RawResource[]): ReadonlySet<string> {
  const unsure = new Set<string>();
  for (const { spec } of broken) {
    if (!isRecord(spec)) continue;
    if (typeof spec["domain"] === "string") unsure.add(canonicalDomain(spec["domain"]) ?? "");
    if (typeof spec["address"] === "string") unsure.add(domainPart(canonicalAddress(spec["address"]) ?? ""));
  }
  return unsure;
}

class References {
  readonly #domains: ReadonlyMap<string, Placed<ResourceOf<"MailDomain">>>;
  readonly #unsure: ReadonlySet<string>;
  readonly #policies: ReadonlySet<string>;
  readonly #secrets: ReadonlyMap<string, Secret>;

  constructor(
    { resources, secrets, broken }: World,
    domains: ReadonlyMap<string, Placed<ResourceOf<"MailDomain">>>,
  ) {
    this.#domains = domains;
    this.#unsure = unsureDomains(broken);
    this.#policies = new Set([...resources, ...broken].filter((r) => r.kind === "RelayPolicy").map(titleOf));
    this.#secrets = new Map(secrets.map((secret) => [titleOf(secret), secret]));
  }

  of(resource: Placed<Resource>): Problem[] {
    switch (resource.kind) {
      case "MailDomain":
        return this.#ofDomain(resource);
      case "Mailbox":
        return this.#ofMailbox(resource);
      case "RelayPolicy":
        return this.#ofPolicy(resource);
    }
  }

  #ofDomain(resource: Placed<ResourceOf<"MailDomain">>): Problem[] {
    const { name } = resource.spec.relayPolicyRef;
    const { namespace } = resource;
    const problems = [
      ...domainSecretProblems(resource, this.#secrets, Date.now()),
      ...this.#ofWebhooks(resource),
      ...this.#ofFilters(resource),
      ...this.#ofReports(resource, resource.spec.inbound.dmarc.reports, [
        "spec",
        "inbound",
        "dmarc",
        "reports",
        "from",
      ]),
    ];
    if (name === "default" || this.#policies.has(titleOf({ kind: "RelayPolicy", namespace, name })))
      return problems;
    return [
      ...problems,
      problemAt(resource, ["spec", "relayPolicyRef", "name"], noRelayPolicy(name, namespace)),
    ];
  }

  /** Reports are signed with the keys of a domain of the same namespace. */
  #ofReports(
    resource: Placed<Resource>,
    reports: DmarcReports | TlsReports | undefined,
    path: Path,
  ): Problem[] {
    if (reports?.mode !== "Send" || reports.from === undefined) return [];
    const domain = domainPart(canonicalAddress(reports.from) ?? reports.from);
    if (this.#domains.get(domain)?.namespace === resource.namespace || this.#unsure.has(domain)) return [];
    const words = `no MailDomain of namespace ${resource.namespace} declares ${domain}, whose keys sign the reports; add one, or correct the address`;
    return [problemAt(resource, path, words)];
  }

  #ofMailbox(resource: Placed<ResourceOf<"Mailbox">>): Problem[] {
    const { address, aliases, passwordSecretRef, appPasswords } = resource.spec;
    const problems = [
      ...this.#inOurDomain(resource, address, ["spec", "address"]),
      ...aliases.flatMap((alias, i) => this.#inOurDomain(resource, alias, ["spec", "aliases", i])),
    ];
    const apps = appPasswords.flatMap(({ secretRef }, i) =>
      this.#ofPassword(resource, secretRef, ["spec", "appPasswords", i, "secretRef"]),
    );
    if (!passwordSecretRef) return [...problems, ...apps];
    return [
      ...problems,
      ...this.#ofPassword(resource, passwordSecretRef, ["spec", "passwordSecretRef"]),
      ...apps,
    ];
  }

  #ofPassword(
    resource: Placed<Resource>,
    { name, key }: { readonly name: string; readonly key: string },
    path: Path,
  ): Problem[] {
    const found = this.#secretValue(resource, name, key, [...path, "key"]);
    if (typeof found !== "string") return [found];
    const fault = passwordFault(found);
    return fault === undefined ? [] : [problemAt(resource, path, fault)];
  }

  #inOurDomain(resource: Placed<Resource>, address: string, path: Path): Problem[] {
    const domain = domainPart(canonicalAddress(address) ?? address);
    const declared = this.#domains.get(domain);
    if (declared?.namespace === resource.namespace || this.#unsure.has(domain)) return [];
    const words = declared
      ? `${domain} belongs to namespace ${declared.namespace} (${titleOf(declared)}); a Mailbox must be in its domain's namespace`
      : `no MailDomain declares ${domain}; add one to namespace ${resource.namespace}, or correct the address`;
    return [problemAt(resource, path, words)];
  }

  #ofPolicy(resource: Placed<ResourceOf<"RelayPolicy">>): Problem[] {
    return [...this.#ofComplaints(resource), ...this.#ofRoutes(resource), ...this.#ofWebhooks(resource)];
  }

  #ofWebhooks(resource: Placed<ResourceOf<"MailDomain"> | ResourceOf<"RelayPolicy">>): Problem[] {
    return resource.spec.webhooks.flatMap(({ secretRef }, i) =>
      this.#ofValue(resource, secretRef, ["spec", "webhooks", i, "secretRef"], hookSecretFault),
    );
  }

  #ofFilters(resource: Placed<ResourceOf<"MailDomain">>): Problem[] {
    return (["inbound", "outbound"] as const).flatMap((where) =>
      resource.spec[where].filters.flatMap(({ rspamd }, i) => {
        const path = ["spec", where, "filters", i, "rspamd", "passwordSecretRef"];
        const ref = rspamd?.passwordSecretRef;
        return ref ? this.#ofValue(resource, ref, path, filterPasswordFault) : [];
      }),
    );
  }

  #ofValue(
    resource: Placed<Resource>,
    { name, key }: { readonly name: string; readonly key: string },
    path: Path,
    faultOf: (value: string) => string | undefined,
  ): Problem[] {
    const found = this.#secretValue(resource, name, key, [...path, "key"]);
    if (typeof found !== "string") return [found];
    const fault = faultOf(found);
    return fault === undefined ? [] : [problemAt(resource, path, `key ${key} of Secret ${name} ${fault}`)];
  }

  /** Reports are read where mailboxes of the same namespace are filled. */
  #ofComplaints(resource: Placed<ResourceOf<"RelayPolicy">>): Problem[] {
    const domain = complaintsDomain(resource.spec);
    if (domain === undefined || this.#unsure.has(domain)) return [];
    const { namespace } = resource;
    if (this.#domains.get(domain)?.namespace === namespace) return [];
    const path = ["spec", "suppression", "complaints", "address"];
    return [problemAt(resource, path, noComplaintsDomain(domain, namespace))];
  }

  #ofRoutes(resource: Placed<ResourceOf<"RelayPolicy">>): Problem[] {
    const { route, destinations } = resource.spec;
    const routes = [
      { route, path: ["spec", "route"] as Path },
      ...destinations.map((one, i) => ({
        route: one.route,
        path: ["spec", "destinations", i, "route"] as Path,
      })),
    ];
    const reports = this.#ofReports(resource, resource.spec.tlsReports, ["spec", "tlsReports", "from"]);
    const ways = routes.flatMap(({ route, path }) => {
      const ref = route?.smarthost?.authSecretRef;
      if (!ref) return [];
      const at = [...path, "smarthost", "authSecretRef"];
      const values = [
        this.#secretValue(resource, ref.name, ref.usernameKey, [...at, "usernameKey"]),
        this.#secretValue(resource, ref.name, ref.passwordKey, [...at, "passwordKey"]),
      ];
      return values.filter((value) => typeof value !== "string");
    });
    return [...ways, ...reports];
  }

  /** The value, or what is wrong with the reference. `path` is that of the key field. */
  #secretValue(resource: Placed<Resource>, name: string, key: string, path: Path): string | Problem {
    const secret = this.#secrets.get(titleOf({ kind: "Secret", namespace: resource.namespace, name }));
    if (!secret) {
      const words = `there is no Secret ${name} in namespace ${resource.namespace}; add it, or correct the name`;
      return problemAt(resource, [...path.slice(0, -1), "name"], words);
    }
    const value = secret.data.get(key);
    if (value !== undefined && value !== "") return value;
    const keys = [...secret.data.keys()].join(", ") || "none";
    const words =
      value === ""
        ? `key ${key} of Secret ${name} is empty; put a value there`
        : `Secret ${name} has no key ${key} (its keys: ${keys}); add it, or correct the key`;
    return problemAt(resource, path, words);
  }
}
