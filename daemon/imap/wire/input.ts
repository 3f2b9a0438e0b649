/**
 * What the client has sent and nobody has taken: lines and literals out of chunks that are split anywhere.
 *
 * In:     chunks as they are pushed.
 * Out:    one line at a time (octets as latin1, without line end), or exactly so many octets of a literal, in pieces.
 * Fails:  a line beyond its limit is swallowed up to its end and told as `tooLong`; `Gone` when the client leaves within
 *         a literal.
 * Limits: once 64 KiB wait, the socket is paused until somebody takes them: memory stays flat.
 */
import { Inflow, type Pausable, withoutLineEnd } from "../../kit/inflow.ts";
import { Gone } from "../../kit/output.ts";

export type Line =
  | { readonly kind: "line"; readonly text: string }
  /** `head` is how it began, `tail` how it ended. */
  | { readonly kind: "tooLong"; readonly head: string; readonly tail: string }
  | { readonly kind: "ended" };

const highWater = 65_536;
const keptOfTooLong = 128;
const ended: Line = { kind: "ended" };

export class Input extends Inflow {
  #carry = "";
  #swallowed: { head: string; tail: string } | undefined;

  constructor(socket: Pausable) {
    super(socket, highWater);
  }

  /** Nothing that came before TLS or compression may count as said after it. RFC 9051 §6.2.1 */
  override clear(): void {
    super.clear();
    this.#carry = "";
    this.#swallowed = undefined;
  }

  async line(limit: number): Promise<Line> {
    for (;;) {
      while (this.ready) {
        const line = this.#takeLine(limit);
        if (line) return line;
      }
      if (this.hasEnded) return ended;
      await this.more();
    }
  }

  /** The next `count` octets, piece by piece. Pieces share memory with what was received. */
  async *pieces(count: number): AsyncGenerator<Buffer, void, void> {
    let left = count;
    while (left > 0) {
      if (!this.ready) {
        if (this.hasEnded) throw new Gone();
        await this.more();
        continue;
      }
      const piece = this.peek(left);
      this.take(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async octets(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const piece of this.pieces(count)) parts.push(piece);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for await (const _ of this.pieces(count));
  }

  #takeLine(limit: number): Line | undefined {
    const { octets, ended: whole } = this.peekLine();
    if (this.#swallowed || this.#carry.length + octets.length > limit + 2) this.#swallow(octets);
    else this.#carry += octets.toString("latin1");
    this.take(octets.length);
    return whole ? this.#finish() : undefined;
  }

  #swallow(octets: Buffer): void {
    const more = octets.toString("latin1", Math.max(0, octets.length - keptOfTooLong));
    const head =
      this.#swallowed?.head ??
      (this.#carry + octets.toString("latin1", 0, keptOfTooLong)).slice(0, keptOfTooLong);
    const tail = ((this.#swallowed?.tail ?? this.#carry) + more).slice(-keptOfTooLong);
    this.#swallowed = { head, tail };
    this.#carry = "";
  }

  #finish(): Line {
    const swallowed = this.#swallowed;
    const text = withoutLineEnd(swallowed?.tail ?? this.#carry);
    this.#carry = "";
    this.#swallowed = undefined;
    return swallowed ? { kind: "tooLong", head: swallowed.head, tail: text } : { kind: "line", text };
  }
}
