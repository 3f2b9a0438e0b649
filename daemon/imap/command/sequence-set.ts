/**
 * Sets of message numbers or UIDs as clients name them.
 *
 * Spec:   RFC 9051 §9 (`sequence-set`, `seq-range`: either end may be the larger), RFC 5182 (`$`).
 */
import { syntax } from "../answer.ts";
import type { Cursor } from "../wire/cursor.ts";

/** `*`: the largest number in use. */
export const largest = 0xffff_ffff + 1;

export type SequenceSet =
  | { readonly kind: "ranges"; readonly ranges: readonly (readonly [number, number])[] }
  /** `$`: what the last SEARCH saved. */
  | { readonly kind: "saved" };

const shape = /[\d*:,]+/y;
const range = /^(\d{1,10}|\*)(?::(\d{1,10}|\*))?$/;

export function sequenceSet(cursor: Cursor): SequenceSet {
  if (cursor.skip("$")) return { kind: "saved" };
  shape.lastIndex = cursor.at;
  const text = shape.exec(cursor.text)?.[0];
  if (text === undefined) throw syntax("Expected a set of numbers");
  cursor.at += text.length;
  return { kind: "ranges", ranges: text.split(",").map(rangeOf) };
}

/** Does a set begin here? */
export const isSequenceSet = (cursor: Cursor): boolean => /[\d*$]/.test(cursor.text[cursor.at] ?? "");

function rangeOf(text: string): [number, number] {
  const match = range.exec(text);
  if (!match) throw syntax("Invalid set of numbers");
  const first = numberOf(match[1] ?? "");
  const second = match[2] === undefined ? first : numberOf(match[2]);
  return first <= second ? [first, second] : [second, first];
}

function numberOf(text: string): number {
  if (text === "*") return largest;
  const value = Number(text);
  if (value < 1 || value > 0xffff_ffff) throw syntax("Number out of range");
  return value;
}
