/**
 * What the client has sent and the session has not yet taken.
 *
 * While the mailroom thinks, the client may go on sending: chunks wait here, and once they are many the socket is
 * paused, so that memory stays flat: many octets, or many chunks, of which each takes as much as a hundred octets of a large one.
 * In lockstep nothing ever waits, and the socket is never touched.
 */
import type { ClientSocket } from "../kit/client-socket.ts";

/** Pausing costs a system call or two: not before this much waits. */
const highWater = { octets: 65_536, chunks: 256 } as const;

export class Input {
  /** The chunk that is being read, and where. */
  chunk: Buffer | undefined;
  at = 0;
  readonly #socket: ClientSocket;
  readonly #waiting: Buffer[] = [];
  #octets = 0;
  #paused = false;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
  }

  /** An empty chunk would be a unit that never ends: none is kept. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.chunk === undefined) {
      this.chunk = chunk;
      this.at = 0;
      return;
    }
    this.#waiting.push(chunk);
    this.#octets += chunk.length;
    const isMuch = this.#octets >= highWater.octets || this.#waiting.length >= highWater.chunks;
    if (!isMuch || this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  /** Marks what was read, and takes the next chunk when this one is spent. */
  advance(at: number): void {
    this.at = at;
    if (this.chunk === undefined || at < this.chunk.length) return;
    this.chunk = this.#waiting.shift();
    this.at = 0;
    this.#octets -= this.chunk?.length ?? 0;
    if (!this.#paused || this.#waiting.length > 0) return;
    this.#paused = false;
    this.#socket.resume();
  }

  clear(): void {
    this.chunk = undefined;
    this.#waiting.length = 0;
    this.#octets = 0;
    if (this.#paused) this.#socket.resume();
    this.#paused = false;
  }
}
