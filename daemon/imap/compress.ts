/**
 * COMPRESS=DEFLATE: a layer between the engine and the socket.
 *
 * In:     a socket; octets of the engine.
 * Out:    the same conversation as raw deflate streams, flushed with every write so that no answer waits.
 * Fails:  octets that are no deflate stream end the connection.
 * Limits: what the client sends is inflated in pieces, and nothing is read from the socket while pieces wait: a bomb
 *         meets the same limits as plain text.
 * Spec:   RFC 4978, RFC 1951.
 */
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";
import type { ClientSocket, SocketEvents } from "../kit/client-socket.ts";

const chunkSize = 16_384;
/** A small hash: a session costs about 100 KiB, not 250. */
const memLevel = 6;

export class CompressedSocket implements ClientSocket {
  readonly startTls = undefined;
  /** What the socket below tells from now on. */
  readonly below: SocketEvents;
  readonly #socket: ClientSocket;
  readonly #deflate: DeflateRaw;
  readonly #inflate: InflateRaw;
  #events: SocketEvents | undefined;
  /** The client does not read. */
  #full = false;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
    this.#deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH, memLevel, chunkSize });
    this.#inflate = createInflateRaw({ chunkSize });
    this.#deflate.on("data", (octets: Buffer) => {
      if (!socket.write(octets)) this.#full = true;
    });
    this.#inflate.on("drain", () => socket.resume());
    this.#inflate.on("error", () => socket.destroy());
    this.#deflate.on("error", () => socket.destroy());
    this.below = {
      data: (octets) => this.#receive(octets),
      drained: () => this.#drained(),
      ended: () => this.#inflate.end(),
      closed: () => this.#closed(),
    };
  }

  attach(events: SocketEvents): void {
    this.#events = events;
    this.#inflate.on("data", (octets: Buffer) => events.data(octets));
    this.#inflate.on("end", () => events.ended());
    this.#deflate.on("drain", () => {
      if (!this.#full) events.drained();
    });
  }

  write(data: string | Uint8Array): boolean {
    const fits = this.#deflate.write(typeof data === "string" ? Buffer.from(data) : data);
    return fits && !this.#full;
  }

  pause(): void {
    this.#inflate.pause();
  }

  resume(): void {
    this.#inflate.resume();
  }

  end(): void {
    this.#deflate.end(() => this.#socket.end());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(octets: Buffer): void {
    if (!this.#inflate.destroyed && !this.#inflate.write(octets)) this.#socket.pause();
  }

  #drained(): void {
    this.#full = false;
    if (!this.#deflate.writableNeedDrain) this.#events?.drained();
  }

  #closed(): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
    this.#events?.closed();
  }
}
