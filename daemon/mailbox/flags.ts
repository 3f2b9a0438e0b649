/**
 * Flags of a message as a set without regard to case.
 *
 * In:     flags as clients write them.
 * Out:    arrays that are shared: equal sets are often the same array, so that a large folder holds few of them.
 * Spec:   RFC 9051 §2.3.2 (system flags, keywords; case-insensitive). `\Recent` is not stored: RFC 9051 has none.
 */
const system = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];
const canonical = new Map(system.map((flag) => [flag.toLowerCase(), flag]));

/** Beyond it a message takes no more keywords; `MailboxRefusal` is the caller's business. */
export const KEYWORDS_MAX = 64;
export const KEYWORD_OCTETS_MAX = 100;

const SHARED_MAX = 4_096;
const shared = new Map<string, readonly string[]>();

/** Each flag once, system flags in the standard's spelling, in a stable order: system flags first. */
export function flagSet(flags: readonly string[]): readonly string[] {
  if (flags.length === 0) return none;
  const key = flags.join(" ");
  const found = shared.get(key);
  if (found) return found;
  const byName = new Map<string, string>();
  for (const flag of flags) {
    const name = flag.toLowerCase();
    if (name !== "\\recent" && !byName.has(name)) byName.set(name, canonical.get(name) ?? flag);
  }
  const set = Object.freeze([...byName.values()].sort(systemFirst));
  if (shared.size >= SHARED_MAX) shared.clear();
  shared.set(key, set);
  return set;
}

const systemFirst = (a: string, b: string) => Number(isKeyword(a)) - Number(isKeyword(b)) || (a < b ? -1 : 1);

const none: readonly string[] = Object.freeze([]);

const hasFlag = (flags: readonly string[], flag: string): boolean => {
  if (flags.includes(flag)) return true;
  const name = flag.toLowerCase();
  return flags.some((each) => each.toLowerCase() === name);
};

export const isSeen = (flags: readonly string[]): boolean => hasFlag(flags, "\\Seen");
export const isDeleted = (flags: readonly string[]): boolean => hasFlag(flags, "\\Deleted");
export const isKeyword = (flag: string): boolean => !flag.startsWith("\\");

/** The set after the order; the same array when nothing changed. */
export function changedFlags(
  now: readonly string[],
  how: "add" | "remove" | "replace",
  flags: readonly string[],
): readonly string[] {
  const after =
    how === "replace"
      ? flagSet(flags)
      : how === "add"
        ? flagSet([...now, ...flags])
        : flagSet(now.filter((flag) => !hasFlag(flags, flag)));
  const same = after.length === now.length && after.every((flag) => hasFlag(now, flag));
  return same ? now : after;
}
