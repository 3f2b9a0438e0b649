/**
 * Text from outside on its way into a header, a report or a terminal.
 *
 * Out:    text without line ends, control characters and invisible characters that change how others are shown.
 * Fails:  never; what cannot be shown is replaced.
 */

/** Controls, format characters (bidirectional overrides, zero width), line and paragraph separators. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;
const anyUnseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const notAscii = /[^ -~]/gu;

/** One line that is safe to show, no longer than `max` characters. */
export function oneLine(text: string, max: number): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  const clean = anyUnseen.test(whole) ? whole.replace(unseen, " ").trim() : whole.trim();
  return clean.length <= max
    ? clean
    : `${clean
        .slice(0, max - 1)
        .toWellFormed()
        .trimEnd()}…`;
}

/** The same in printable ASCII; every other character becomes `?`. */
export const asciiLine = (text: string, max: number): string =>
  oneLine(text, max - 2)
    .replace("…", "...")
    .replace(notAscii, "?");

/** Words joined by spaces into lines of at most `width` columns, where words allow it. Further lines start with `indent`. */
export function fold(words: readonly string[], width: number, lineEnd: string, indent: string): string {
  let text = "";
  let column = 0;
  for (const word of words) {
    if (text === "") column = word.length;
    else if (column + 1 + word.length <= width) {
      text += " ";
      column += 1 + word.length;
    } else {
      text += lineEnd + indent;
      column = indent.length + word.length;
    }
    text += word;
  }
  return text;
}

/** RFC 5322 §2.1.1: a line has 998 octets at most, and a character may have four. */
const uncut = { ascii: 900, other: 240 };

/** The words of a text for `fold`; what no line could hold is cut apart. */
export function wordsOf(text: string): string[] {
  const words = text.split(" ").filter((word) => word !== "");
  return words.some((word) => word.length > uncut.other) ? words.flatMap(pieces) : words;
}

function pieces(word: string): string[] {
  const length = /[^ -~]/.test(word) ? uncut.other : uncut.ascii;
  const points = Array.from(word);
  const cut: string[] = [];
  for (let i = 0; i < points.length; i += length) cut.push(points.slice(i, i + length).join(""));
  return cut;
}
