/**
 * Packets of the milter protocol: four octets of length, a letter, data.
 *
 * In:     octets from the filter, split anywhere.
 * Out:    `Frame`s.
 * Fails:  `FilterFailed` for a packet without a letter, or of more than `frameMax` octets: nothing that we negotiate is
 *         larger, and memory is bounded before anything is kept.
 * Spec:   the protocol of Sendmail's libmilter, version 6 (`mfdef.h`; there is no RFC).
 */
import { FilterFailed } from "../filter.ts";

export interface Frame {
  /** One character. */
  readonly letter: string;
  readonly data: Buffer;
}

export const frameMax = 64 << 10;
const headOctets = 4;

export function frame(letter: string, ...data: readonly (string | Uint8Array)[]): Buffer {
  const parts = data.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part));
  const head = Buffer.alloc(headOctets + 1, letter, "latin1");
  head.writeUInt32BE(1 + parts.reduce((sum, { length }) => sum + length, 0));
  return Buffer.concat([head, ...parts]);
}

/** Texts as the protocol has them: each ends with NUL, so none may hold one. */
export const texts = (...values: readonly string[]): Buffer =>
  Buffer.from(values.map((value) => `${value.replaceAll("\0", "")}\0`).join(""), "latin1");

/** Octets as Latin-1 text, one character an octet: how an address in UTF-8 goes into a packet. */
export const octetText = (text: string): string => Buffer.from(text).toString("latin1");

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that these octets complete. */
  *push(chunk: Uint8Array): Iterable<Frame> {
    let octets = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    while (octets.length >= headOctets) {
      const length = octets.readUInt32BE(0);
      if (length === 0 || length > frameMax) throw new FilterFailed("it sent a packet of an impossible size");
      const end = headOctets + length;
      if (octets.length < end) break;
      const data = octets.subarray(headOctets + 1, end);
      yield { letter: String.fromCharCode(octets[headOctets] ?? 0), data };
      octets = octets.subarray(end);
    }
    this.#rest = octets;
  }
}
