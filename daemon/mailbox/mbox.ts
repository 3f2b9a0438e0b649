/**
 * Mailbox files as Unix programs keep them: LF line ends, and the mboxrd form that can be undone without loss.
 *
 * In:     a message's octets with CRLF line ends, in pieces split anywhere.
 * Out:    pieces again. `toLf` turns CRLF into LF. `quoteFrom` puts `>` before `From ` at the beginning of a line,
 *         also where such quotes stand already (mboxrd).
 * Spec:   RFC 4155 appendix A (mbox; its "From " line with sender and UTC time), RFC 5322 §2.3 (CRLF).
 */
const CR = 13;
const LF = 10;
const QUOTE = 62;
const FROM = Buffer.from("From ");
const CRLF = Buffer.from("\r\n");

const viewOf = (octets: Uint8Array): Buffer =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

export async function* toLf(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let heldCr = false;
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    let buffer = viewOf(piece);
    if (heldCr && buffer[0] !== LF) yield Buffer.from("\r");
    heldCr = buffer[buffer.length - 1] === CR;
    if (heldCr) buffer = buffer.subarray(0, -1);
    const lines = withoutCr(buffer);
    if (lines.length > 0) yield lines;
  }
  if (heldCr) yield Buffer.from("\r");
}

function withoutCr(buffer: Buffer): Buffer {
  let at = buffer.indexOf(CRLF);
  if (at < 0) return buffer;
  const out = Buffer.allocUnsafe(buffer.length);
  let used = 0;
  let from = 0;
  for (; at >= 0; at = buffer.indexOf(CRLF, from)) {
    used += buffer.copy(out, used, from, at);
    from = at + 1;
  }
  used += buffer.copy(out, used, from);
  return out.subarray(0, used);
}

export async function* quoteFrom(pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  /** The line so far is nothing but quotes. */
  let fresh = true;
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const buffer = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    let done = 0;
    for (let at = buffer.indexOf(FROM); at >= 0; at = buffer.indexOf(FROM, at + 1)) {
      if (!onlyQuotesBefore(buffer, at, fresh)) continue;
      yield buffer.subarray(done, at);
      yield Buffer.from(">");
      done = at;
    }
    const keep = buffer.length - partOfFrom(buffer);
    if (keep > done) yield buffer.subarray(done, keep);
    fresh = onlyQuotesBefore(buffer, keep, fresh);
    held = buffer.subarray(keep);
  }
  if (held.length > 0) yield held;
}

function onlyQuotesBefore(buffer: Buffer, at: number, fresh: boolean): boolean {
  let i = at - 1;
  while (i >= 0 && buffer[i] === QUOTE) i--;
  return i < 0 ? fresh : buffer[i] === LF;
}

/** How many octets at the end may become `From ` with the next piece. */
function partOfFrom(buffer: Buffer): number {
  for (let n = Math.min(FROM.length - 1, buffer.length); n > 0; n--)
    if (buffer.subarray(-n).equals(FROM.subarray(0, n))) return n;
  return 0;
}

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `From sender@example.org Thu Nov  5 08:02:00 2026`, LF-ended. */
export function fromLine(sender: string, ms: number): string {
  const d = new Date(ms);
  const who = sender === "" || /\s/.test(sender) ? "MAILER-DAEMON" : sender;
  const day = `${d.getUTCDate()}`.padStart(2, " ");
  const time = d.toISOString().slice(11, 19);
  return `From ${who} ${days[d.getUTCDay()]} ${months[d.getUTCMonth()]} ${day} ${time} ${d.getUTCFullYear()}\n`;
}

/** System flags as `Status` and `X-Status` fields, LF-ended; keywords have no place there. */
export function statusFields(flags: readonly string[]): string {
  const has = flagTest(flags);
  const status = `${has("\\seen") ? "R" : ""}O`;
  const more = [
    ["\\answered", "A"],
    ["\\flagged", "F"],
    ["\\draft", "T"],
    ["\\deleted", "D"],
  ] as const;
  const letters = more.map(([flag, letter]) => (has(flag) ? letter : "")).join("");
  return `Status: ${status}\n${letters === "" ? "" : `X-Status: ${letters}\n`}`;
}

/** The letters of a Maildir info suffix, in alphabetical order as they must be. */
export function maildirFlags(flags: readonly string[]): string {
  const has = flagTest(flags);
  const letters = [
    ["\\draft", "D"],
    ["\\flagged", "F"],
    ["\\answered", "R"],
    ["\\seen", "S"],
    ["\\deleted", "T"],
  ] as const;
  return letters.map(([flag, letter]) => (has(flag) ? letter : "")).join("");
}

const flagTest = (flags: readonly string[]) => {
  const lower = new Set(flags.map((flag) => flag.toLowerCase()));
  return (flag: string) => lower.has(flag);
};
