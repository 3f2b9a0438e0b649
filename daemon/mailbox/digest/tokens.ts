/**
 * Cuts structured header fields into tokens, whatever is written there.
 *
 * In:     an unfolded value.
 * Out:    quoted strings without quotes and escapes, comments without parentheses, single specials, and words between.
 * Spec:   RFC 5322 §3.2 (quoted-string, comment), RFC 2045 §5.1 (tspecials). What is not closed ends with the text.
 */
export type Token =
  | { readonly kind: "word" | "quoted" | "comment"; readonly text: string; readonly spaced: boolean }
  | { readonly kind: "special"; readonly text: string; readonly spaced: boolean };

const TOKENS_MAX = 4_000;

/** `spaced`: white space came before it. */
export function tokens(text: string, specials: string): Token[] {
  const found: Token[] = [];
  let spaced = false;
  for (let at = 0; at < text.length && found.length < TOKENS_MAX; ) {
    const c = text[at] as string;
    if (c === " ") {
      spaced = true;
      at++;
      continue;
    }
    let end: number;
    if (c === '"') {
      const quoted = closing(text, at + 1, '"', "");
      end = quoted.end;
      found.push({ kind: "quoted", text: quoted.text, spaced });
    } else if (c === "(") {
      const comment = closing(text, at + 1, ")", "(");
      end = comment.end;
      found.push({ kind: "comment", text: comment.text, spaced });
    } else if (specials.includes(c)) {
      end = at + 1;
      found.push({ kind: "special", text: c, spaced });
    } else {
      end = at + 1;
      while (end < text.length && !isEnd(text[end] as string, specials)) end++;
      found.push({ kind: "word", text: text.slice(at, end), spaced });
    }
    at = end;
    spaced = false;
  }
  return found;
}

const isEnd = (c: string, specials: string) => c === " " || c === '"' || c === "(" || specials.includes(c);

/** Up to the closing character; comments nest. */
function closing(text: string, from: number, close: string, open: string) {
  let out = "";
  let depth = 1;
  let at = from;
  for (; at < text.length; at++) {
    const c = text[at] as string;
    if (c === "\\" && at + 1 < text.length) {
      out += text[++at];
      continue;
    }
    if (c === close && --depth === 0) return { text: out, end: at + 1 };
    if (c === open) depth++;
    out += c;
  }
  return { text: out, end: at };
}
