/**
 * What the client has sent and nobody has taken: lines and literals out of chunks that are split anywhere.
 *
 * In:     chunks as they are pushed.
 * Out:    one line at a time (octets as latin1, without line end), or exactly so many octets of a literal, in pieces.
 * Fails:  a line beyond its limit is swallowed up to its end and told as `tooLong`; `Gone` when the client leaves within
 *         a literal.
 * Limits: once 64 KiB wait, the socket is paused until somebody takes them: memory stays flat.
 */
import type { ImapSocket } from "./socket.ts";

export type Line =
  | { readonly kind: "line"; readonly text: string }
  /** `head` is how it began, `tail` how it ended. */
  | { readonly kind: "tooLong"; readonly head: string; readonly tail: string }
  | { readonly kind: "ended" };

/** The client is not there any more. */
export class Gone extends Error {
  override readonly name = "Gone";
  constructor() {
    super("the client has gone");
  }
}

const highWater = 65_536;
const keptOfTooLong = 128;
const ended: Line = { kind: "ended" };

export class Input {
  #socket: Pick<ImapSocket, "pause" | "resume">;
  #chunks: Buffer[] = [];
  #at = 0;
  #octets = 0;
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #carry = "";
  #swallowed: { head: string; tail: string } | undefined;

  constructor(socket: Pick<ImapSocket, "pause" | "resume">) {
    this.#socket = socket;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets >= highWater && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#notify();
  }

  /** Nothing more will come; what waits can still be taken. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Forgets what waits: nothing that came before TLS or compression may count as said after it. RFC 9051 §6.2.1 */
  clear(): void {
    this.#chunks = [];
    this.#at = 0;
    this.#octets = 0;
    this.#carry = "";
    this.#swallowed = undefined;
    this.#relax();
  }

  /** Takes everything that waits; for a layer that is put between. */
  takeAll(): Buffer {
    const all = Buffer.concat(this.#chunks).subarray(this.#at);
    this.clear();
    return all;
  }

  moveTo(socket: Pick<ImapSocket, "pause" | "resume">): void {
    this.#relax();
    this.#socket = socket;
  }

  /** Something waits that could be read without waiting for the client. */
  get ready(): boolean {
    return this.#octets > 0;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Resolves when something came, or nothing will come any more. One may wait at a time. */
  more(): Promise<void> {
    if (this.#octets > 0 || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async line(limit: number): Promise<Line> {
    for (;;) {
      while (this.#octets > 0) {
        const line = this.#takeLine(limit);
        if (line) return line;
      }
      if (this.#ended) return ended;
      await this.more();
    }
  }

  /** The next `count` octets, piece by piece. Pieces share memory with what was received. */
  async *pieces(count: number): AsyncGenerator<Buffer, void, void> {
    let left = count;
    while (left > 0) {
      if (this.#octets === 0) {
        if (this.#ended) throw new Gone();
        await this.more();
        continue;
      }
      const chunk = this.#chunks[0] as Buffer;
      const piece = chunk.subarray(this.#at, this.#at + left);
      this.#took(piece.length);
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
    const chunk = this.#chunks[0] as Buffer;
    const lf = chunk.indexOf(10, this.#at);
    const end = lf === -1 ? chunk.length : lf + 1;
    const length = end - this.#at;
    if (this.#swallowed || this.#carry.length + length > limit + 2) this.#swallow(chunk, end);
    else this.#carry += chunk.toString("latin1", this.#at, end);
    this.#took(length);
    return lf === -1 ? undefined : this.#finish();
  }

  #swallow(chunk: Buffer, end: number): void {
    const more = chunk.toString("latin1", Math.max(this.#at, end - keptOfTooLong), end);
    const head =
      this.#swallowed?.head ??
      (this.#carry + chunk.toString("latin1", this.#at, this.#at + keptOfTooLong)).slice(0, keptOfTooLong);
    const tail = ((this.#swallowed?.tail ?? this.#carry) + more).slice(-keptOfTooLong);
    this.#swallowed = { head, tail };
    this.#carry = "";
  }

  #finish(): Line {
    const swallowed = this.#swallowed;
    const text = swallowed?.tail ?? this.#carry;
    const bare = text.slice(0, text.charCodeAt(text.length - 2) === 13 ? -2 : -1);
    this.#carry = "";
    this.#swallowed = undefined;
    return swallowed ? { kind: "tooLong", head: swallowed.head, tail: bare } : { kind: "line", text: bare };
  }

  #took(count: number): void {
    this.#octets -= count;
    this.#at += count;
    if (this.#at === this.#chunks[0]?.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    if (this.#octets < highWater / 2) this.#relax();
  }

  #relax(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
