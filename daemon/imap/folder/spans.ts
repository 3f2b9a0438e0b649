/**
 * Places of a folder (number - 1) as spans, so that a set such as `1:*` named a thousand times costs no more than once.
 */
export type Span = readonly [from: number, to: number];

/** Rising and apart. In: spans in any order; the end is not part of one. */
export function apart(spans: readonly Span[]): Span[] {
  const rising = spans.filter(([from, to]) => from < to).sort(([a], [b]) => a - b);
  const found: [number, number][] = [];
  for (const [from, to] of rising) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** In: spans apart. */
export function placesOf(spans: readonly Span[]): number[] {
  const places: number[] = [];
  for (const [from, to] of spans) for (let place = from; place < to; place++) places.push(place);
  return places;
}

/** In: spans apart. */
export function isWithin(spans: readonly Span[], place: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.[1] ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  const found = spans[low];
  return found !== undefined && found[0] <= place;
}
