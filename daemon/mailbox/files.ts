/**
 * Reading mailbox files of Unix programs: the way back from what `mbox.ts` writes.
 *
 * In:     pieces of a file, split anywhere, with LF or CRLF line ends.
 * Out:    pieces with CRLF line ends; with `unquote`, lines that begin with `>…>From ` lose one `>` (mboxrd).
 * Spec:   RFC 4155 appendix A, RFC 5322 §2.3.
 */
const CR = 13;
const LF = 10;
const QUOTE = 62;
const CRLF = Buffer.from("\r\n");
const EMPTY = Buffer.alloc(0);
const FROM = Buffer.from("From ");

export async function* toCrlf(pieces: AsyncIterable<Uint8Array>, unquote = false): AsyncIterable<Buffer> {
  let held: Buffer = EMPTY;
  for await (const piece of pieces) {
    const octets = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const buffer = held.length > 0 ? Buffer.concat([held, octets]) : octets;
    const end = buffer.lastIndexOf(LF) + 1;
    if (end > 0) yield Buffer.concat(lines(buffer.subarray(0, end), unquote));
    held = Buffer.from(buffer.subarray(end));
  }
  if (held.length > 0) yield unquote ? unquoted(held) : held;
}

/** Whole lines; what needs no change stays in one piece. */
function lines(buffer: Buffer, unquote: boolean): Buffer[] {
  const out: Buffer[] = [];
  let done = 0;
  for (let at = 0; at < buffer.length; ) {
    const lf = buffer.indexOf(LF, at);
    if (unquote && isQuoted(buffer, at)) {
      out.push(buffer.subarray(done, at));
      done = at + 1;
    }
    if (lf === at || buffer[lf - 1] !== CR) {
      out.push(buffer.subarray(done, lf), CRLF);
      done = lf + 1;
    }
    at = lf + 1;
  }
  out.push(buffer.subarray(done));
  return out;
}

const unquoted = (line: Buffer) => (isQuoted(line, 0) ? line.subarray(1) : line);

function isQuoted(buffer: Buffer, at: number): boolean {
  if (buffer[at] !== QUOTE) return false;
  let i = at;
  while (buffer[i] === QUOTE) i++;
  return buffer.subarray(i, i + FROM.length).equals(FROM);
}

/** Of a file name with its `:2,` suffix. */
export function flagsOfMaildir(name: string): string[] {
  const letters = /[:;!]2,(?<letters>[A-Za-z]*)$/.exec(name)?.groups?.["letters"] ?? "";
  return maildir.flatMap(([letter, flag]) => (letters.includes(letter) ? [flag] : []));
}

const maildir = [
  ["D", "\\Draft"],
  ["F", "\\Flagged"],
  ["R", "\\Answered"],
  ["S", "\\Seen"],
  ["T", "\\Deleted"],
] as const;

/** Of the letters of `Status` and `X-Status` together. */
export const flagsOfStatus = (letters: string): string[] =>
  status.flatMap(([letter, flag]) => (letters.includes(letter) ? [flag] : []));

const status = [
  ["R", "\\Seen"],
  ["A", "\\Answered"],
  ["F", "\\Flagged"],
  ["T", "\\Draft"],
  ["D", "\\Deleted"],
] as const;
