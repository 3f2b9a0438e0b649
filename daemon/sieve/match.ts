/**
 * Compares texts as scripts ask for it.
 *
 * In:     values, a matcher, a budget of characters that may be looked at.
 * Out:    whether any value matches any key.
 * Cost:   `:matches` walks each value once per key and falls back to its last star only: no pattern makes it explode.
 * Spec:   RFC 5228 §2.7.1–§2.7.3; RFC 4790 §9.1 (i;ascii-numeric), §9.2; RFC 5231 (:value, :count).
 */
import type { Comparator, Matcher, Relation } from "./script.ts";

export interface Budget {
  /** Throws when the run has used up what it may. */
  spend(steps: number, characters: number): void;
}

export function matches(
  values: readonly string[],
  { type, comparator, keys }: Matcher,
  budget: Budget,
): boolean {
  if (type.kind === "count")
    return keys.some((key) => holds(type.relation, compare(`${values.length}`, key, comparator)));
  const folded = keys.map((key) => fold(key, comparator));
  for (const value of values) {
    const text = fold(value, comparator);
    for (const key of folded) {
      budget.spend(1, text.length + key.length);
      if (
        type.kind === "value"
          ? holds(type.relation, compare(text, key, comparator))
          : fits(type.kind, text, key, comparator, budget)
      )
        return true;
    }
  }
  return false;
}

/** Only ASCII letters have a case here. RFC 4790 §9.2 */
const fold = (text: string, comparator: Comparator): string =>
  comparator === "i;ascii-casemap" ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;

function fits(
  kind: "is" | "contains" | "matches",
  text: string,
  key: string,
  comparator: Comparator,
  budget: Budget,
): boolean {
  switch (kind) {
    case "is":
      return compare(text, key, comparator) === 0;
    case "contains":
      return text.includes(key);
    case "matches":
      return glob(text, key, budget);
  }
}

/** Negative, zero, positive. */
function compare(a: string, b: string, comparator: Comparator): number {
  if (comparator === "i;ascii-numeric") return compareNumbers(leading(a), leading(b));
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The digits that the text begins with, without zeros in front; what begins with none is larger than everything. */
const leading = (text: string): string | undefined => /^\d+/.exec(text)?.[0].replace(/^0+(?=\d)/, "");

function compareNumbers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function holds(relation: Relation, order: number): boolean {
  switch (relation) {
    case "gt":
      return order > 0;
    case "ge":
      return order >= 0;
    case "lt":
      return order < 0;
    case "le":
      return order <= 0;
    case "eq":
      return order === 0;
    case "ne":
      return order !== 0;
  }
}

type Piece =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "text"; readonly text: string };

/** `*` is any text, `?` one character, a backslash takes their meaning away. */
function piecesOf(pattern: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [found] of pattern.matchAll(/\\[\s\S]|\*|\?|[^\\*?]|\\$/gu)) {
    if (found === "*") {
      if (pieces.at(-1)?.kind !== "any") pieces.push({ kind: "any" });
    } else if (found === "?") pieces.push({ kind: "one" });
    else
      pieces.push({
        kind: "text",
        text: found.length > 1 && found.startsWith("\\") ? found.slice(1) : found,
      });
  }
  return pieces;
}

export function glob(text: string, pattern: string, budget: Budget): boolean {
  const pieces = piecesOf(pattern);
  const letters = [...text];
  let [at, piece] = [0, 0];
  let [starAt, starPiece] = [0, -1];
  let looked = 0;
  while (at < letters.length) {
    if (++looked % 1_024 === 0) budget.spend(0, 1_024);
    const now = pieces[piece];
    if (now?.kind === "any") {
      starPiece = piece++;
      starAt = at;
    } else if (now && (now.kind === "one" || now.text === letters[at])) {
      piece++;
      at++;
    } else if (starPiece >= 0) {
      piece = starPiece + 1;
      at = ++starAt;
    } else return false;
  }
  while (pieces[piece]?.kind === "any") piece++;
  return piece === pieces.length;
}
