/**
 * The hash of a body as a signature claims it, ours or another's: what comes out of it stands in `bh=`.
 *
 * In:     the body's octets, split anywhere, every line end a CRLF; the canonicalization, the hash, the limit of `l=`.
 * Out:    the hash in base64; how many octets the canonical body has, and how many of them count.
 * Cost:   one pass, and a few flags of memory, whatever comes in. (The hashes of the package mailauth keep a line until it
 *         ends and look at all of it again with every piece: one line of 50 MB is hours of work.)
 * Spec:   RFC 6376 §3.4.3 (simple), §3.4.4 (relaxed), §3.5 (`l=`).
 */
import { createHash } from "node:crypto";

const [tab, lf, cr, space] = [9, 10, 13, 32];
const lineEnd = Buffer.from("\r\n");
const oneSpace = Buffer.from(" ");
const oneCr = Buffer.from("\r");
const batch = 512;
const manyLineEnds = Buffer.from("\r\n".repeat(batch));
/** White space that does not stay as it is; a CR behind a space may be alone, which is looked into more closely. */
const relaxes = /\t| [ \r]/;

export interface BodyHashTerms {
  readonly relaxed: boolean;
  readonly algorithm: "sha1" | "sha256";
  /** Octets of the canonical body that count; absent: all. */
  readonly limit?: number | undefined;
}

export class BodyHash {
  byteLength = 0;
  canonicalizedLength = 0;
  bodyHashedBytes = 0;
  readonly #relaxed: boolean;
  readonly #limit: number;
  readonly #hash;
  /** Line ends that count only if something follows. */
  #lines = 0;
  /** White space that counts, as one space, only if something follows on its line. */
  #blank = false;
  /** A CR whose LF may be in the next piece. */
  #cr = false;

  constructor({ relaxed, algorithm, limit = Number.POSITIVE_INFINITY }: BodyHashTerms) {
    this.#relaxed = relaxed;
    this.#limit = limit;
    this.#hash = createHash(algorithm);
  }

  /** The piece is not kept. */
  update(octets: Uint8Array): void {
    const piece = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
    this.byteLength += piece.length;
    if (piece.length > 0 && !this.#asItIs(piece)) this.#octets(piece);
  }

  digest(): string {
    if (this.#cr) this.#settle();
    // A body that is empty stays so when it is relaxed, and is one line end when it is not.
    if (!this.#relaxed || this.canonicalizedLength > 0) this.#count(lineEnd);
    return this.#hash.digest("base64");
  }

  /** Most pieces change only in how they end: one native search, and one hash of the rest. */
  #asItIs(piece: Buffer): boolean {
    const last = piece[piece.length - 1];
    if (this.#blank || this.#cr || last === cr) return false;
    if (this.#relaxed && (last === space || relaxes.test(piece.toString("latin1")))) return false;
    let end = piece.length;
    while (end > 1 && piece[end - 1] === lf && piece[end - 2] === cr) end -= 2;
    if (end > 0) this.#plain(piece.subarray(0, end));
    this.#lines += (piece.length - end) / 2;
    return true;
  }

  #octets(piece: Buffer): void {
    /** Where the octets begin that are passed on as they are; -1: nowhere. */
    let run = -1;
    for (let i = 0; i < piece.length; i++) {
      const c = piece[i] as number;
      const special = c === cr || c === lf || (this.#relaxed && (c === space || c === tab));
      if (!special) {
        if (run < 0) run = i;
        continue;
      }
      if (run >= 0) {
        const plain = this.#relaxed ? inRun(piece, i) : 0;
        if (plain > 0) {
          i += plain - 1;
          continue;
        }
        this.#plain(piece.subarray(run, i));
      }
      run = -1;
      this.#special(c);
    }
    if (run >= 0) this.#plain(piece.subarray(run));
  }

  #special(c: number): void {
    if (c === lf && this.#cr) {
      this.#cr = false;
      this.#blank = false;
      this.#lines++;
      return;
    }
    if (this.#cr) this.#settle();
    if (c === cr) this.#cr = true;
    else if (c === lf) this.#plain(Buffer.of(c));
    else this.#blank = true;
  }

  #plain(octets: Buffer): void {
    this.#settle();
    this.#count(octets);
  }

  /** Something follows: what waited for it counts. */
  #settle(): void {
    for (; this.#lines > 0; this.#lines -= Math.min(batch, this.#lines))
      this.#count(manyLineEnds.subarray(0, 2 * Math.min(batch, this.#lines)));
    if (this.#blank) this.#count(oneSpace);
    if (this.#cr) this.#count(oneCr);
    this.#blank = false;
    this.#cr = false;
  }

  #count(octets: Buffer): void {
    this.canonicalizedLength += octets.length;
    const room = this.#limit - this.bodyHashedBytes;
    if (room <= 0) return;
    const counted = octets.length <= room ? octets : octets.subarray(0, room);
    this.bodyHashedBytes += counted.length;
    this.#hash.update(counted);
  }
}

/** How many octets at `i` may stay in a run: a single space, or a line end, with an ordinary octet behind it; 0: none. */
function inRun(piece: Buffer, i: number): number {
  const c = piece[i];
  if (c === space) return (piece[i + 1] ?? 0) > space ? 1 : 0;
  if (c === cr && piece[i + 1] === lf) return (piece[i + 2] ?? 0) > space ? 2 : 0;
  return 0;
}
