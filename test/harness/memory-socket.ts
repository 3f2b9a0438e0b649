/**
 * A client's socket in memory: what an engine writes is kept, what the client does is told by `events`.
 *
 * In:     `check`, which text a protocol allows; it throws at anything else.
 */
import type { ClientSocket, SocketEvents, TlsFacts } from "../../daemon/kit/client-socket.ts";

export class MemorySocket implements ClientSocket {
  out = "";
  writes = 0;
  ended = false;
  paused = false;
  /** What the next writes answer: false is a client that does not read. */
  accepts = true;
  events: SocketEvents | undefined;
  startTls: (() => Promise<TlsFacts>) | undefined;
  /** Takes what is written in place of `out`. */
  sink: ((octets: Buffer) => void) | undefined;
  readonly #check: (text: string) => void;
  #wake: (() => void) | undefined;

  constructor(check: (text: string) => void = () => {}) {
    this.#check = check;
  }

  attach(events: SocketEvents): void {
    this.events = events;
  }

  write(data: string | Uint8Array): boolean {
    if (typeof data === "string") this.#check(data);
    const octets = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
    if (this.sink) this.sink(octets);
    else this.out += octets.toString("latin1");
    this.writes++;
    this.#wake?.();
    return this.accepts;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.ended) return;
    this.ended = true;
    this.events?.closed();
    this.#wake?.();
  }

  /** Resolves when something was written, or the socket was closed. */
  written(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
