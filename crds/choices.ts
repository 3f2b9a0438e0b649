/**
 * What is chosen where nothing is said. These two fields have no default in the CRDs: the API server would write it into
 * the resource, and `kubectl apply` of another choice would merge into it, so that the resource held two.
 */
import type { Delivery, Filter, MailDomainSpec, RelayPolicySpec, Route } from "./types.ts";

/** Into the Mailboxes of the domain. */
export const deliveryOf = ({ delivery }: Pick<MailDomainSpec, "delivery">): Delivery =>
  delivery ?? { mailbox: {} };

/** To the MX hosts of each recipient's domain. */
export const routeOf = ({ route }: Pick<RelayPolicySpec, "route">): Route => route ?? { mx: {} };

/** Every way out that a policy names. */
export const routesOf = (spec: Pick<RelayPolicySpec, "route" | "destinations">): readonly Route[] => [
  routeOf(spec),
  ...spec.destinations.flatMap(({ route }) => route ?? []),
];

/** Every content filter that a domain names. A spec from before the fields existed has none. */
export const filtersOf = ({
  inbound,
  outbound,
}: {
  readonly inbound?: Partial<Pick<MailDomainSpec["inbound"], "filters">>;
  readonly outbound?: Partial<MailDomainSpec["outbound"]>;
}): readonly Filter[] => [...(inbound?.filters ?? []), ...(outbound?.filters ?? [])];
