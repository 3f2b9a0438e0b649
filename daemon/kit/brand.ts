/**
 * Branded types: a value that has been parsed carries the proof in its type, so that inner code never checks again.
 */
declare const brand: unique symbol;

/** `T` that went through the parser that is named `Name`. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };
