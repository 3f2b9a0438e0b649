/**
 * What a MailDomain's status says of its content filters. Pure.
 */
import type { Filter } from "../../crds/types.ts";
import { filterEntries } from "../../daemon/directory/filters.ts";
import type { FilterFacts } from "../status/filters.ts";
import type { FilterTrouble } from "./filter-watch.ts";
import type { MailDomain } from "./resources.ts";

type Named = Pick<Filter, "name" | "onFailure"> & { readonly id: string };

const filtersOf = ({ inbound, outbound }: MailDomain["spec"]): readonly Named[] =>
  filterEntries([...(inbound?.filters ?? []), ...(outbound?.filters ?? [])]);

/** The servers, as gateways name them. */
export const filterIdsOf = (spec: MailDomain["spec"]): ReadonlySet<string> =>
  new Set(filtersOf(spec).map(({ id }) => id));

/** `undefined`: the domain has none. */
export function filterFacts(
  { spec }: MailDomain,
  failing: (filters: ReadonlySet<string>) => readonly FilterTrouble[],
): FilterFacts | undefined {
  const filters = filtersOf(spec);
  if (filters.length === 0) return undefined;
  const troubles = new Map(failing(filterIdsOf(spec)).map((trouble) => [trouble.filter, trouble]));
  const told = new Map<string, FilterFacts["failing"][number]>();
  for (const { id, name, onFailure } of filters) {
    const trouble = troubles.get(id);
    // In both directions it may be the same.
    if (trouble) told.set(`${name} ${onFailure} ${id}`, { name, onFailure, ...trouble });
  }
  return { failing: [...told.values()] };
}
