/**
 * How much of a message TOP shows: its header, the empty line, and so many lines of the body.
 *
 * In:     the message in chunks, split anywhere.
 * Out:    of each chunk the part that belongs; `done` once there is no need to read on.
 * Spec:   RFC 1939 §7 (TOP).
 */
const LF = 10;
const CR = 13;

export class TopCutter {
  #left: number;
  #inHeader = true;
  /** Of the header line that is being read: its octets, and whether the first is a CR. */
  #lineOctets = 0;
  #startsWithCr = false;

  /** `lines`: of the body. */
  constructor(lines: number) {
    this.#left = lines;
  }

  get done(): boolean {
    return !this.#inHeader && this.#left === 0;
  }

  cut(chunk: Uint8Array): Uint8Array {
    let at = 0;
    while (!this.done && at < chunk.length) {
      const lf = chunk.indexOf(LF, at);
      if (this.#inHeader) this.#header(chunk, at, lf === -1 ? chunk.length : lf, lf !== -1);
      else if (lf !== -1) this.#left--;
      at = lf === -1 ? chunk.length : lf + 1;
    }
    return at === chunk.length ? chunk : chunk.subarray(0, at);
  }

  #header(chunk: Uint8Array, at: number, end: number, ended: boolean): void {
    if (this.#lineOctets === 0) this.#startsWithCr = chunk[at] === CR;
    this.#lineOctets += end - at;
    if (!ended) return;
    this.#inHeader = this.#lineOctets > (this.#startsWithCr ? 1 : 0);
    this.#lineOctets = 0;
  }
}
