/**
 * Turns a declared resource into the entry that decisions are made from: everything a message would have to parse is
 * parsed here, once.
 *
 * In:     `Declared` resources that passed the checks of `crds/validate`.
 * Out:    entries.
 * Fails:  `undefined` when the domain or the address is not one; single targets that are none are left out. Neither
 *         happens to checked resources: this is the last line, for what was published by other means.
 */
import { deliveryOf, routeOf } from "../../crds/choices.ts";
import { parseDuration, parseQuantity } from "../../crds/quantities.ts";
import {
  type Delivery,
  type DmarcReports,
  type DomainLimits,
  defaultRelayPolicy,
  type Retry,
  type Route,
  type Suppression,
  type TlsReports,
} from "../../crds/types.ts";
import { parseScramVerifier } from "../kit/scram-verifier.ts";
import {
  type Address,
  type Domain,
  domainOf,
  localPartOf,
  parseAddress,
  parseDomain,
} from "../mail/address.ts";
import { mailboxName, type Quota } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";
import { credentialId, type DeclaredDomain, type DeclaredMailbox, type DeclaredPolicy } from "./declared.ts";
import type {
  AppPasswordEntry,
  DestinationEntry,
  DomainDelivery,
  DomainEntry,
  MailboxEntry,
  PolicyEntry,
  ReportSender,
  RetryNumbers,
  RouteEntry,
  SuppressionRules,
} from "./directory.ts";
import { filterEntries } from "./filters.ts";
import { hookEntries } from "./hooks.ts";
import { protectionOf } from "./protection.ts";

export const policyName = (namespace: string, name: string) => `${namespace}/${name}` as PolicyName;

export function domainEntry({
  namespace,
  name,
  spec,
  dkim = [],
  tls,
  hookSecrets,
  filterSecrets,
  draining,
}: DeclaredDomain): DomainEntry | undefined {
  const domain = parseDomain(spec.domain);
  if (domain === undefined) return undefined;
  const policy = policyName(namespace, spec.relayPolicyRef.name);
  const owner = { namespace, secrets: filterSecrets };
  const reports = spec.inbound?.dmarc.reports; // a record from before the field existed has none
  const dmarcReports = reports && reportSender({ from: `postmaster@${domain}`, ...reports }, policy);
  return {
    namespace,
    name,
    domain,
    spec,
    policy,
    delivery: parseDelivery(deliveryOf(spec)),
    limits: limitsOf(spec.limits),
    protection: protectionOf(spec.inbound),
    dkim,
    // A record from before the fields existed has none.
    filters: {
      inbound: filterEntries(spec.inbound?.filters, owner),
      outbound: filterEntries(spec.outbound?.filters, owner),
    },
    hooks: hookEntries({ namespace, name }, { kind: "MailDomain", domain }, spec.webhooks, hookSecrets),
    ...(tls === undefined ? {} : { tls }),
    ...(dmarcReports ? { dmarcReports } : {}),
    ...(draining ? { draining } : {}),
  };
}

function reportSender(reports: DmarcReports | TlsReports, policy: PolicyName): ReportSender | undefined {
  const from = reports.mode === "Send" ? parseAddress(reports.from ?? "") : undefined;
  return from && { from, organization: reports.organization ?? domainOf(from), policy };
}

function parseDelivery({ lmtp, forward }: Delivery): DomainDelivery {
  if (lmtp) return { kind: "lmtp", ...lmtp };
  return forward ? { kind: "forward", to: addresses(forward.to) } : { kind: "mailbox" };
}

function limitsOf({ messageSize, ...counts }: DomainLimits): DomainEntry["limits"] {
  const octets = messageSize === undefined ? undefined : parseQuantity(messageSize);
  return { ...counts, ...(octets === undefined ? {} : { messageSize: octets }) };
}

export function mailboxEntry(declared: DeclaredMailbox): MailboxEntry | undefined {
  const { namespace, name, spec, passwordHash } = declared;
  const scram = declared.scram === undefined ? undefined : parseScramVerifier(declared.scram);
  const address = parseAddress(spec.address);
  if (address === undefined) return undefined;
  return {
    namespace,
    name,
    mailbox: mailboxName(address),
    address,
    aliases: addresses(spec.aliases).map(withLowerLocalPart),
    spec,
    quota: quotaOf(spec.quota, spec.messageQuota),
    forwardTo: addresses(spec.forwardTo),
    ...(passwordHash === undefined ? {} : { passwordHash }),
    ...(scram === undefined ? {} : { scram }),
    appPasswords: appPasswordsOf(declared),
  };
}

/** What is no longer in the spec opens nothing, whatever was sealed with it. */
function appPasswordsOf({ spec, appPasswords = [] }: DeclaredMailbox): readonly AppPasswordEntry[] {
  // A record from before the field existed has none.
  return (spec.appPasswords ?? []).flatMap(({ name, scopes }) => {
    const secret = appPasswords.find((each) => each.name === name);
    if (secret === undefined) return [];
    const scram = secret.scram === undefined ? undefined : parseScramVerifier(secret.scram);
    return [{ name, scopes, hash: secret.hash, ...(scram === undefined ? {} : { scram }) }];
  });
}

function quotaOf(quota: string | number | undefined, messages: number | undefined): Quota {
  const bytes = quota === undefined ? undefined : parseQuantity(quota);
  return { ...(bytes === undefined ? {} : { bytes }), ...(messages === undefined ? {} : { messages }) };
}

/** In domains of ours, upper and lower case are the same. */
const withLowerLocalPart = (address: Address): Address =>
  `${localPartOf(address).toLowerCase()}@${domainOf(address)}` as Address;

export const addresses = (list: readonly string[]): readonly Address[] =>
  list.map(parseAddress).filter((address) => address !== undefined);

export function policyEntry(declared: DeclaredPolicy): PolicyEntry {
  const { namespace, name, spec, credentials, hookSecrets, draining } = declared;
  const parseRoute = (route: Route): RouteEntry => routeEntry(route, credentials);
  const elsewhere: DestinationEntry = {
    match: "*",
    route: parseRoute(routeOf(spec)),
    tls: spec.tls,
    ...spec.sites,
  };
  const exact = new Map<Domain, DestinationEntry>();
  const suffixes = new Map<Domain, DestinationEntry>();
  for (const { route, ...limits } of spec.destinations) {
    const suffix = limits.match.startsWith("*.");
    const domain = parseDomain(suffix ? limits.match.slice(2) : limits.match);
    if (domain === undefined) continue;
    const entry = { ...elsewhere, ...limits, ...(route ? { route: parseRoute(route) } : {}) };
    (suffix ? suffixes : exact).set(domain, entry);
  }
  const policy = policyName(namespace, name);
  const tlsReports = spec.tlsReports && reportSender(spec.tlsReports, policy);
  return {
    policy,
    spec,
    // A record from before a limit existed has its default.
    limits: {
      ...defaultRelayPolicy.limits,
      ...spec.limits,
      messageSize: parseQuantity(spec.limits.messageSize) ?? 0,
    },
    retry: retryOf(spec.retry),
    suppression: suppressionOf(spec.suppression),
    elsewhere,
    exact,
    suffixes,
    hooks: hookEntries({ namespace, name }, { kind: "RelayPolicy", policy }, spec.webhooks, hookSecrets),
    ...(tlsReports ? { tlsReports } : {}),
    ...(draining ? { draining } : {}),
  };
}

function routeEntry({ smarthost }: Route, credentials: DeclaredPolicy["credentials"]): RouteEntry {
  if (!smarthost) return { kind: "mx" };
  const { authSecretRef: ref, ...host } = smarthost;
  const auth = ref && (credentials[credentialId(ref)] ?? "missing");
  return { kind: "smarthost", ...host, ...(auth === undefined ? {} : { auth }) };
}

/** Durations that are none count as 0: sooner rather than never. */
export const retryOf = (retry: Retry): RetryNumbers => ({
  initialMs: parseDuration(retry.initial) ?? 0,
  factor: retry.factor,
  maxMs: parseDuration(retry.max) ?? 0,
  expireAfterMs: parseDuration(retry.expireAfter) ?? 0,
  delayNoticeAfterMs: parseDuration(retry.delayNoticeAfter) ?? 0,
  jitter: retry.jitterPercent / 100,
});

/** A record from before the field existed suppresses nothing. */
function suppressionOf({ hardBounces, complaints }: Suppression = {}): SuppressionRules {
  const address = complaints && parseAddress(complaints.address);
  return {
    ...(hardBounces && {
      hardBounces: {
        after: hardBounces.after,
        forMs: parseDuration(hardBounces.for) ?? 0,
        classes: new Set(hardBounces.classes),
      },
    }),
    ...(complaints && address && { complaints: { address, forMs: parseDuration(complaints.for) ?? 0 } }),
  };
}
