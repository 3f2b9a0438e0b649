/**
 * A page of a crowd in the order of its names: those behind a name, the first so many of them.
 *
 * Cost: one look at each; nothing is sorted but what may be on the page.
 */
export interface NamedPage<T> {
  readonly page: readonly T[];
  /** How many there are, this page and all others together. */
  readonly matching: number;
}

export function pageByName<T>(
  crowd: Iterable<T>,
  nameOf: (item: T) => string,
  {
    fits,
    after,
    limit,
  }: { readonly fits: (name: string) => boolean; readonly after: string; readonly limit: number },
): NamedPage<T> {
  let kept: { readonly name: string; readonly item: T }[] = [];
  let last: string | undefined;
  let matching = 0;
  const cut = () => {
    kept = kept.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
    last = kept.length < limit ? undefined : kept.at(-1)?.name;
  };
  for (const item of crowd) {
    const name = nameOf(item);
    if (!fits(name)) continue;
    matching++;
    if (name <= after || (last !== undefined && name > last)) continue;
    kept.push({ name, item });
    if (kept.length >= 2 * limit) cut();
  }
  cut();
  return { page: kept.map(({ item }) => item), matching };
}
