/**
 * Names of folders: what a name means, and which names may be made.
 *
 * In:     text from clients and filters.
 * Out:    one spelling per folder: NFC, levels joined by `/`, INBOX in upper case (as the first level too).
 * Spec:   RFC 9051 §5.1 (INBOX in any case), §6.3.4 (a trailing separator is ignored), RFC 5198 §3 (NFC).
 */
const SEPARATOR = "/";

const OCTETS_MAX = 500;
const LEVELS_MAX = 20;
/** Wildcards of LIST, and what no terminal should be sent. */
const UNWANTED = /[*%\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Cn}]/u;

/** Other names than INBOX count as they are written, in NFC. */
export function folderName(name: string): string {
  const normal = name.normalize("NFC");
  return /^inbox(?=\/|$)/i.test(normal) ? `INBOX${normal.slice(5)}` : normal;
}

/** The name of a folder that is to be made, or why there can be none, as the end of a sentence. */
export function newFolderName(text: string): { readonly name: string } | { readonly why: string } {
  const name = folderName(text.endsWith(SEPARATOR) ? text.slice(0, -1) : text);
  const levels = name.split(SEPARATOR);
  if (name === "") return { why: "is empty" };
  if (Buffer.byteLength(name) > OCTETS_MAX) return { why: `is longer than ${OCTETS_MAX} octets` };
  if (levels.length > LEVELS_MAX) return { why: `has more than ${LEVELS_MAX} levels` };
  if (levels.includes("")) return { why: "has a level without a name" };
  if (UNWANTED.test(name)) return { why: "has a wildcard or a control character" };
  return { name };
}

/** `a/b/c`: `a`, `a/b`. */
export function parentsOf(name: string): string[] {
  const parents: string[] = [];
  for (let at = name.indexOf(SEPARATOR); at >= 0; at = name.indexOf(SEPARATOR, at + 1))
    parents.push(name.slice(0, at));
  return parents;
}

export const isBelow = (name: string, parent: string): boolean => name.startsWith(`${parent}${SEPARATOR}`);

/** INBOX first, then by code points. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "INBOX") return -1;
  if (b === "INBOX") return 1;
  return a < b ? -1 : 1;
}
