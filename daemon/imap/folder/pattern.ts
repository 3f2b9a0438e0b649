/**
 * Patterns of LIST and LSUB.
 *
 * Spec:   RFC 9051 §6.3.9: `*` is any text, `%` any text within one level; INBOX in any case.
 * Limits: time is the length of the name times that of the pattern, whatever the pattern.
 */
export type Matches = (name: string) => boolean;

export function pattern(text: string): Matches {
  const squeezed = text.replace(/[*%]*\*[*%]*/g, "*").replace(/%+/g, "%");
  if (!/[*%]/.test(squeezed)) return (name) => name === canonical(squeezed);
  return (name) => matches(squeezed, name) || (name === "INBOX" && matches(squeezed.toUpperCase(), name));
}

const canonical = (name: string) => (name.toUpperCase() === "INBOX" ? "INBOX" : name);

/** `reached[i]`: the pattern so far fits the first `i` characters of the name. */
function matches(text: string, name: string): boolean {
  let reached = new Uint8Array(name.length + 1);
  reached[0] = 1;
  for (const char of text) {
    const next = new Uint8Array(name.length + 1);
    if (char === "*" || char === "%") spread(reached, next, name, char === "%");
    else for (let i = 0; i < name.length; i++) if (reached[i] && name[i] === char) next[i + 1] = 1;
    reached = next;
  }
  return reached[name.length] === 1;
}

function spread(reached: Uint8Array, next: Uint8Array, name: string, withinLevel: boolean): void {
  let open = false;
  for (let i = 0; i <= name.length; i++) {
    if (i > 0 && withinLevel && name[i - 1] === "/") open = false;
    open ||= reached[i] === 1;
    if (open) next[i] = 1;
  }
}
