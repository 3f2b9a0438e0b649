/**
 * What the daemons of a domain reach besides mail: identity providers, and content filters. Pure.
 */
import { filtersOf } from "../../crds/choices.ts";
import type { MailDomainSpec } from "../../crds/types.ts";
import { serverOf } from "../../daemon/directory/filters.ts";

export interface Outward {
  /** Besides 443. */
  readonly webPorts: readonly number[];
  readonly filterPorts: readonly number[];
}

type Spec = Pick<MailDomainSpec, "oidc" | "outbound"> & {
  readonly inbound: Pick<MailDomainSpec["inbound"], "filters">;
};

/** Ascending and each once, so that the same places are the same object. */
export function outwardOf(specs: Iterable<Partial<Spec>>): Outward {
  const web = new Set<number>();
  const filters = new Set<number>();
  for (const spec of specs) {
    const port = URL.parse(spec.oidc?.issuer ?? "")?.port;
    if (port) web.add(Number(port));
    for (const server of filtersOf(spec).map((filter) => serverOf(filter)))
      if ("port" in server) filters.add(server.port);
  }
  const sorted = (ports: ReadonlySet<number>) => [...ports].sort((a, b) => a - b);
  return { webPorts: sorted(web), filterPorts: sorted(filters) };
}

export const sameOutward = (a: Outward, b: Outward): boolean => JSON.stringify(a) === JSON.stringify(b);
