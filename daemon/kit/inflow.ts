/**
 * What a client has sent and nobody has taken.
 *
 * In:     chunks as they are pushed, of any size.
 * Out:    the octets in order, as views of what was received; a promise for more of them.
 * Limits: once `highWater` octets wait, the socket is paused until half of them are taken: memory stays flat.
 */
export interface Pausable {
  pause(): void;
  resume(): void;
}

export class Inflow {
  #socket: Pausable;
  readonly #highWater: number;
  #chunks: Buffer[] = [];
  #at = 0;
  #octets = 0;
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Pausable, highWater: number) {
    this.#socket = socket;
    this.#highWater = highWater;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets >= this.#highWater && !this.#paused) {
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

  /** Forgets what waits: what came before TLS or compression never counts as said after it. */
  clear(): void {
    this.#chunks = [];
    this.#at = 0;
    this.#octets = 0;
    this.relax();
  }

  /** Takes everything that waits; for a layer that is put between. */
  takeAll(): Buffer {
    const all = Buffer.concat(this.#chunks).subarray(this.#at);
    this.clear();
    return all;
  }

  moveTo(socket: Pausable): void {
    this.relax();
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

  /** Up to `most` octets that wait in one piece; empty when none do. They stay until `take`. */
  protected peek(most = Number.POSITIVE_INFINITY): Buffer {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return Buffer.alloc(0);
    return chunk.subarray(this.#at, Math.min(chunk.length, this.#at + most));
  }

  /** Up to the next line end, and with it, or as much of it as waits in one piece. */
  protected peekLine(): { readonly octets: Buffer; readonly ended: boolean } {
    const octets = this.peek();
    const lf = octets.indexOf(10);
    return lf === -1 ? { octets, ended: false } : { octets: octets.subarray(0, lf + 1), ended: true };
  }

  /** Of the piece that was peeked at. */
  protected take(count: number): void {
    this.#octets -= count;
    this.#at += count;
    if (this.#at === this.#chunks[0]?.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    if (this.#octets < this.#highWater / 2) this.relax();
  }

  /** The client may go on, however much waits. */
  protected relax(): void {
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

/** A line without its line end: CRLF, or LF alone. */
export const withoutLineEnd = (line: string): string =>
  line.slice(0, line.charCodeAt(line.length - 2) === 13 ? -2 : -1);
