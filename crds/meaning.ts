/**
 * Checks what a schema cannot say of one resource: that domains obey IDNA, networks and addresses are real, quantities
 * are in range, and matches differ even in another case or script.
 *
 * In:     a resource whose spec fits its schema and rules.
 * Out:    a fault per mistake.
 */
import ipaddr from "ipaddr.js";
import { authoritiesFault } from "./certificate.ts";
import { canonicalAddress, canonicalDomain, canonicalMatch } from "./names.ts";
import { fieldOf, type Path } from "./problem.ts";
import { parseQuantity } from "./quantities.ts";
import type { Resource } from "./resource.ts";
import type { Fault } from "./shape.ts";
import type { Filter, MailboxSpec, MailDomainSpec, RelayPolicySpec, Webhook } from "./types.ts";

export function meaningFaults({ kind, spec }: Pick<Resource, "kind" | "spec">): readonly Fault[] {
  const checks: readonly (Fault | undefined)[] =
    kind === "MailDomain"
      ? ofDomain(spec as MailDomainSpec)
      : kind === "Mailbox"
        ? ofMailbox(spec as MailboxSpec)
        : ofPolicy(spec as RelayPolicySpec);
  return checks
    .filter((fault) => fault !== undefined)
    .map(({ path, message }) => ({ path: ["spec", ...path], message }));
}

const ofDomain = ({
  domain,
  aliases,
  catchAll,
  delivery,
  limits,
  webhooks,
  inbound,
  outbound,
}: MailDomainSpec) => [
  canonicalDomain(domain) === undefined
    ? {
        path: ["domain"],
        message: `${domain} is not a domain that mail can reach; check its letters (RFC 5891)`,
      }
    : undefined,
  ...aliases.flatMap(({ to }, i) => addresses(to, ["aliases", i, "to"])),
  ...differ(
    aliases.map(({ name }) => name.toLowerCase()),
    (i) => ["aliases", i, "name"],
  ),
  ...(catchAll === undefined ? [] : [address(catchAll, ["catchAll"])]),
  ...addresses(delivery?.forward?.to ?? [], ["delivery", "forward", "to"]),
  size(limits.messageSize, ["limits", "messageSize"]),
  ...webhooks.map(place),
  ...(inbound?.filters ?? []).map((filter, i) => trust(filter, ["inbound", "filters", i])),
  ...(outbound?.filters ?? []).map((filter, i) => trust(filter, ["outbound", "filters", i])),
];

const ofMailbox = ({ address: own, aliases, forwardTo, quota }: MailboxSpec) => [
  address(own, ["address"]),
  ...addresses(aliases, ["aliases"]),
  ...addresses(forwardTo, ["forwardTo"]),
  size(quota, ["quota"]),
];

const ofPolicy = ({ acceptFrom, destinations, identity, limits, suppression, webhooks }: RelayPolicySpec) => [
  ...(suppression?.complaints
    ? [address(suppression.complaints.address, ["suppression", "complaints", "address"])]
    : []),
  ...acceptFrom.cidrs.map((cidr, i) => network(cidr, ["acceptFrom", "cidrs", i])),
  ...destinations.map(({ match }, i) =>
    canonicalMatch(match) === undefined
      ? {
          path: ["destinations", i, "match"],
          message: `${match} is not a domain; write example.org or *.example.org`,
        }
      : undefined,
  ),
  ...differ(
    destinations.map(({ match }) => canonicalMatch(match) ?? match),
    (i) => ["destinations", i, "match"],
  ),
  ...identity.sourceAddresses.map((text, i) =>
    isAddress(text)
      ? undefined
      : {
          path: ["identity", "sourceAddresses", i],
          message: `${text} is not an IP address, such as 192.0.2.25`,
        },
  ),
  size(limits.messageSize, ["limits", "messageSize"]),
  ...webhooks.map(place),
];

const place = ({ url }: Webhook, i: number) =>
  URL.canParse(url)
    ? undefined
    : { path: ["webhooks", i, "url"], message: `${url} is no URL; write https://hooks.example.org/mail` };

function trust({ rspamd }: Filter, path: Path): Fault | undefined {
  const message = rspamd?.caBundle === undefined ? undefined : authoritiesFault(rspamd.caBundle);
  return message === undefined ? undefined : { path: [...path, "rspamd", "caBundle"], message };
}

const addresses = (list: readonly string[], path: Path) => list.map((text, i) => address(text, [...path, i]));

function address(text: string, path: Path): Fault | undefined {
  if (canonicalAddress(text) !== undefined) return undefined;
  return {
    path,
    message: `${text} is not an address that mail can reach; at most 64 octets before the @, and a valid domain after it`,
  };
}

function size(value: string | number | undefined, path: Path): Fault | undefined {
  if (value === undefined || parseQuantity(value) !== undefined) return undefined;
  return { path, message: `${value} is out of range; write something like 25Mi` };
}

function network(cidr: string, path: Path): Fault | undefined {
  const [host = ""] = cidr.split("/");
  if (isAddress(host) && ipaddr.isValidCIDR(cidr)) return undefined;
  return {
    path,
    message: `${cidr} is not a network; write an address and a prefix length, such as 10.0.0.0/8`,
  };
}

const isAddress = (text: string) => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);

/** Names that are equal once they are canonical, though they were written differently. */
function differ(names: readonly string[], pathOf: (i: number) => Path): Fault[] {
  const seen = new Map<string, number>();
  return names.flatMap((name, i) => {
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, i);
      return [];
    }
    return [
      {
        path: pathOf(i),
        message: `means the same as ${fieldOf(["spec", ...pathOf(first)])}; remove one of them`,
      },
    ];
  });
}
