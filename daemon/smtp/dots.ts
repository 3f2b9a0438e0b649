/**
 * The message that follows DATA: dots unstuffed, its end found.
 *
 * In:     raw chunks, split anywhere; each chunk is ours and is changed in place.
 * Out:    the message's octets piece by piece, the CRLF before the final dot included; where the message ended.
 * Spec:   RFC 5321 §4.5.2 (transparency), §4.1.1.4: only CRLF.CRLF ends a message, and a dot counts as first on its
 *         line only after CRLF. Whether CRs and LFs stand alone elsewhere is for `newlines.ts` to say.
 */
const LF = 10;
const CR = 13;
const DOT = 46;
const lineDot = Buffer.from("\r\n.");
const heldCr = Buffer.from("\r");

/** How much of CRLF.CRLF the octets so far end with. The start of a message counts as a line's start. */
type Seen = 0 | 1 | 2 | 3 | 4;

export class DotReader {
  #seen: Seen = 2;
  /** Pieces that the last `read` found, valid until the next `read`; in the common case one. */
  readonly pieces: Buffer[] = [];
  /** The last `read` found the end of the message. */
  ended = false;

  /** Reads on at `at` and returns where it stopped: after the end of the message, or at the chunk's end. */
  read(chunk: Buffer, at: number): number {
    this.pieces.length = 0;
    this.ended = false;
    let start = at;
    let from = at;
    // What the chunk before left open is settled octet by octet: four steps at most.
    while (this.#seen > from - at && from < chunk.length) {
      const octet = chunk[from++];
      if (this.#seen === 4 && octet === LF) return this.#finish(from);
      if (this.#seen === 4) this.pieces.push(heldCr);
      const dot = this.#seen === 2 && octet === DOT;
      if (dot) this.#keep(chunk, start, from - 1);
      // Neither the dot nor the CR after it is part of the message, unless that CR proves to be alone.
      if (dot || (this.#seen === 3 && octet === CR)) start = from;
      this.#seen = next(this.#seen, octet);
    }
    return this.#seen > from - at
      ? this.#keep(chunk, start, chunk.length)
      : this.#scan(chunk, start, from - this.#seen);
  }

  /** The common case: the search for CRLF and a dot, in one native pass; dots are squeezed out in place. */
  #scan(chunk: Buffer, start: number, from: number): number {
    let begin = start; // of what is not yet moved
    let to = start; //    where it goes
    let found = chunk.indexOf(lineDot, from);
    while (found !== -1) {
      const dot = found + 2;
      to = move(chunk, to, begin, dot);
      begin = dot + 1;
      if (chunk[begin] === CR && chunk[begin + 1] === LF) {
        this.#keep(chunk, start, to);
        return this.#finish(begin + 2);
      }
      if (begin === chunk.length || (chunk[begin] === CR && begin + 1 === chunk.length)) {
        this.#seen = begin === chunk.length ? 3 : 4;
        this.#keep(chunk, start, to);
        return chunk.length;
      }
      found = chunk.indexOf(lineDot, begin);
    }
    this.#seen = tail(chunk, begin);
    this.#keep(chunk, start, move(chunk, to, begin, chunk.length));
    return chunk.length;
  }

  #keep(chunk: Buffer, start: number, end: number): number {
    if (end > start)
      this.pieces.push(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
    return chunk.length;
  }

  #finish(at: number): number {
    this.ended = true;
    this.#seen = 2;
    return at;
  }
}

function next(seen: Seen, octet: number | undefined): Seen {
  if (octet === CR) return seen === 3 ? 4 : 1;
  if (octet === LF) return seen === 1 ? 2 : 0;
  return octet === DOT && seen === 2 ? 3 : 0;
}

/** Moves `[begin, end)` down to `to`; returns the new end. */
function move(chunk: Buffer, to: number, begin: number, end: number): number {
  if (to !== begin) chunk.copyWithin(to, begin, end);
  return to + end - begin;
}

/** What the chunk ends with; only octets from `begin` on count. */
function tail(chunk: Buffer, begin: number): Seen {
  const last = chunk.length - 1;
  if (last < begin) return 0;
  if (chunk[last] === CR) return 1;
  return chunk[last] === LF && last > begin && chunk[last - 1] === CR ? 2 : 0;
}
