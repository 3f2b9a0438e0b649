/**
 * Patterns as people type them: `*` stands for any text, case does not count.
 *
 * Cost: the pieces between stars are looked for one after the other, so that no pattern takes longer than its text is long
 * times its own length.
 */
export function glob(pattern: string): (text: string) => boolean {
  const pieces = pattern.toLowerCase().split("*");
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return (text) => text.toLowerCase() === first;
  return (text) => {
    const lower = text.toLowerCase();
    const end = lower.length - last.length;
    if (!lower.startsWith(first) || end < first.length || !lower.endsWith(last)) return false;
    let at = first.length;
    for (const piece of rest) {
      const found = lower.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
