/**
 * Octets that are kept until all of them are there.
 *
 * In:     pieces of any size; they are copied.
 * Out:    all of them in one piece.
 * Memory: at most four times the octets, however small the pieces are: a list of pieces of one octet each would take a
 *         hundred times as much, and strangers choose how they cut what they send.
 */
const nothing: Buffer = Buffer.alloc(0);
const least = 512;

export class Gathering {
  #octets: Buffer = nothing;
  #used = 0;

  get size(): number {
    return this.#used;
  }

  add(piece: Uint8Array): void {
    const need = this.#used + piece.length;
    if (need > this.#octets.length) {
      const larger =
        this.#used === 0 ? Buffer.allocUnsafe(need) : Buffer.allocUnsafeSlow(Math.max(least, 2 * need));
      larger.set(this.#octets.subarray(0, this.#used));
      this.#octets = larger;
    }
    this.#octets.set(piece, this.#used);
    this.#used = need;
  }

  /** Nothing is kept from then on. */
  takeAll(): Buffer {
    const all = this.#octets.subarray(0, this.#used);
    this.#octets = nothing;
    this.#used = 0;
    return all;
  }
}
