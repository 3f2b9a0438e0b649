/**
 * A message's octets as RETR and TOP send them: a line that starts with a dot gets a second one, and the whole ends with
 * CRLF "." CRLF.
 *
 * In:     the message in chunks, split anywhere.
 * Out:    pieces to send; they share memory with the chunks. Most chunks are one piece, uncopied.
 * Spec:   RFC 1939 §3 (byte-stuffing). A line is taken to end at each LF, with or without a CR: many clients read so,
 *         and none may see the end of a message within it.
 */
const LF = 10;
const CR = 13;
const DOT = 46;
const lfDot = Buffer.from("\n.");
const ending = Buffer.from(".\r\n");
const endingAfterText = Buffer.from("\r\n.\r\n");
const endingAfterCr = Buffer.from("\n.\r\n");

export class DotStuffer {
  #last = LF;

  /** Hands each piece to `send`. */
  push(chunk: Uint8Array, send: (piece: Uint8Array) => void): void {
    if (chunk.length === 0) return;
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    if (this.#last === LF && octets[0] === DOT) send(ending.subarray(0, 1));
    for (let at = octets.indexOf(lfDot); at !== -1; at = octets.indexOf(lfDot, start)) {
      send(octets.subarray(start, at + 2));
      start = at + 1; // again from the dot: that is the doubling
    }
    send(start === 0 ? octets : octets.subarray(start));
    this.#last = octets[octets.length - 1] as number;
  }

  /** What ends the message; a missing last line end is added. */
  end(): Uint8Array {
    if (this.#last === LF) return ending;
    return this.#last === CR ? endingAfterCr : endingAfterText;
  }
}
