/**
 * What a MailDomain's status says of its content filters. Pure.
 */
import { filtersOf } from "../../crds/choices.ts";
import type { Filter } from "../../crds/types.ts";
import { filterEntries } from "../../daemon/directory/filters.ts";
import type { FilterFacts } from "../status/filters.ts";
import type { FilterTrouble } from "./filter-watch.ts";
import { type MailDomain, namespaceOf } from "./resources.ts";

type Named = Pick<Filter, "name" | "onFailure"> & { readonly id: string };

const namedBy = (domain: MailDomain): readonly Named[] =>
  filterEntries(filtersOf(domain.spec), { namespace: namespaceOf(domain) });

/** The servers, as gateways name them. */
export const filterIdsOf = (domain: MailDomain): ReadonlySet<string> =>
  new Set(namedBy(domain).map(({ id }) => id));

/** `undefined`: the domain has none. */
export function filterFacts(
  domain: MailDomain,
  failing: (filters: ReadonlySet<string>) => readonly FilterTrouble[],
): FilterFacts | undefined {
  const filters = namedBy(domain);
  if (filters.length === 0) return undefined;
  const troubles = new Map(failing(filterIdsOf(domain)).map((trouble) => [trouble.filter, trouble]));
  const told = new Map<string, FilterFacts["failing"][number]>();
  for (const { id, name, onFailure } of filters) {
    const trouble = troubles.get(id);
    // In both directions it may be the same.
    if (trouble) told.set(`${name} ${onFailure} ${id}`, { name, onFailure, ...trouble });
  }
  return { failing: [...told.values()] };
}
