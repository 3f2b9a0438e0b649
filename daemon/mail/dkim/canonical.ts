/**
 * Relaxed canonicalization: what of a message is signed, whatever hops do to its white space.
 *
 * In:     the body's octets, split anywhere; a header field as it lies in the message.
 * Out:    the body's SHA-256 in base64; the field as one line without its end.
 * Fails:  never. A CR or LF that is not part of CRLF is an octet like any other.
 * Memory: a few flags, whatever comes in.
 * Spec:   RFC 6376 §3.4.2 (header), §3.4.4 (body).
 */
import { createHash } from "node:crypto";

const [tab, lf, cr, space] = [9, 10, 13, 32];
const lineEnd = Buffer.from("\r\n");
const oneSpace = Buffer.from(" ");
const oneCr = Buffer.from("\r");
const manyLineEnds = Buffer.from("\r\n".repeat(64));
/** White space that does not stay as it is; a CR behind a space may be alone, which is looked into more closely. */
const relaxes = /\t| [ \r]/;

export class RelaxedBodyHash {
  readonly #hash = createHash("sha256");
  /** Line ends that count only if something follows. */
  #lines = 0;
  /** White space that counts, as one space, only if something follows on its line. */
  #blank = false;
  /** A CR whose LF may be in the next chunk. */
  #cr = false;
  #empty = true;

  /** The chunk is not kept. */
  update(chunk: Uint8Array): void {
    if (chunk.length > 0 && !this.#asItIs(chunk)) this.#octets(chunk);
  }

  /** Most text has nothing to relax: one native search, and one hash of all but the line ends it ends with. */
  #asItIs(chunk: Uint8Array): boolean {
    const last = chunk[chunk.length - 1];
    if (this.#blank || this.#cr || last === space || last === cr) return false;
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (relaxes.test(octets.toString("latin1"))) return false;
    let end = octets.length;
    while (end > 1 && octets[end - 1] === lf && octets[end - 2] === cr) end -= 2;
    if (end > 0) {
      this.#settle();
      this.#hash.update(octets.subarray(0, end));
    }
    this.#lines += (octets.length - end) / 2;
    return true;
  }

  #octets(chunk: Uint8Array): void {
    const end = chunk.length;
    /** Where the octets begin that are passed on as they are; -1: nowhere. */
    let run = -1;
    for (let i = 0; i < end; i++) {
      const c = chunk[i] as number;
      if (c > space || (c !== space && c !== cr && c !== lf && c !== tab)) {
        if (run < 0) {
          this.#settle();
          run = i;
        }
        continue;
      }
      if (run >= 0) {
        const plain = inRun(chunk, i);
        if (plain > 0) {
          i += plain - 1;
          continue;
        }
        this.#hash.update(chunk.subarray(run, i));
        run = -1;
      }
      this.#special(c);
    }
    if (run >= 0) this.#hash.update(chunk.subarray(run));
  }

  digest(): string {
    if (this.#cr) this.#settle();
    // RFC 6376 §3.4.4 (b): empty lines at the end do not count, and a body that is not empty ends with CRLF.
    if (!this.#empty) this.#hash.update(lineEnd);
    return this.#hash.digest("base64");
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
    else if (c === lf) {
      this.#settle();
      this.#hash.update(chunkOf(c));
    } else this.#blank = true;
  }

  /** Something follows: what waited for it counts. */
  #settle(): void {
    for (; this.#lines > 64; this.#lines -= 64) this.#hash.update(manyLineEnds);
    if (this.#lines > 0) this.#hash.update(manyLineEnds.subarray(0, 2 * this.#lines));
    this.#lines = 0;
    if (this.#blank) this.#hash.update(oneSpace);
    if (this.#cr) this.#hash.update(oneCr);
    this.#blank = false;
    this.#cr = false;
    this.#empty = false;
  }
}

const chunkOf = (octet: number): Buffer => Buffer.of(octet);

/** How many octets at `i` may stay in a run: a single space, or a line end, with an ordinary octet behind it; 0: none. */
function inRun(chunk: Uint8Array, i: number): number {
  const c = chunk[i];
  if (c === space) return (chunk[i + 1] ?? 0) > space ? 1 : 0;
  if (c === cr && chunk[i + 1] === lf) return (chunk[i + 2] ?? 0) > space ? 2 : 0;
  return 0;
}

/** `Subject:  a \r\n b\r\n` → `subject:a b`. `field` is Latin-1 text, so that octets stay octets. */
export function relaxedField(field: string): string {
  const colon = field.indexOf(":");
  const name = field.slice(0, colon).trimEnd().toLowerCase();
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .replace(/^ | $/g, "");
  return `${name}:${value}`;
}
