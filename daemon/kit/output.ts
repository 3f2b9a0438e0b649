/**
 * What we say, in few large writes: text gathers until 64 KiB wait, or until there is nothing more to answer.
 *
 * In:     text (any characters; it leaves as UTF-8) and octets.
 * Out:    writes to the socket. `room()` waits while the client does not read.
 * Fails:  `room()` rejects with `Gone` once the connection is closed; what is said to a closed connection is dropped.
 */
import { isAscii } from "./ascii.ts";
import type { ClientSocket } from "./client-socket.ts";

/** The client is not there any more. */
export class Gone extends Error {
  override readonly name = "Gone";
  constructor() {
    super("the client has gone");
  }
}

const batch = 65_536;
/** More writes than these would cost more than one copy of what they hold. */
const mostWrites = 16;

export class Output {
  #socket: Pick<ClientSocket, "write">;
  #text = "";
  #parts: Buffer[] = [];
  #size = 0;
  #congested = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Pick<ClientSocket, "write">) {
    this.#socket = socket;
  }

  text(text: string): void {
    this.#text += text;
    if (this.#text.length + this.#size >= batch) this.flush();
  }

  line(text: string): void {
    this.#text += text;
    this.#text += "\r\n";
    if (this.#text.length + this.#size >= batch) this.flush();
  }

  /** The octets must stay as they are until they have left. */
  octets(octets: Uint8Array): void {
    this.#gather();
    this.#parts.push(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength));
    this.#size += octets.byteLength;
    if (this.#size >= batch) this.flush();
  }

  flush(): void {
    if (this.#parts.length === 0) return this.#flushText();
    this.#gather();
    const parts = this.#parts;
    const size = this.#size;
    this.#parts = [];
    this.#size = 0;
    // What is large is not copied once more.
    const apart = parts.length === 1 || (size > 2 * batch && parts.length <= mostWrites);
    for (const part of apart ? parts : [Buffer.concat(parts, size)]) this.#write(part);
  }

  /** The client reads slowly: who has much to say awaits `room()` now and then. */
  get full(): boolean {
    return this.#congested || this.#closed;
  }

  async room(): Promise<void> {
    while (this.#congested && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#closed) throw new Gone();
  }

  drained(): void {
    this.#congested = false;
    this.#notify();
  }

  close(): void {
    this.#closed = true;
    this.#notify();
  }

  moveTo(socket: Pick<ClientSocket, "write">): void {
    this.#socket = socket;
    this.#congested = false;
  }

  #flushText(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#write(isAscii(text) ? text : Buffer.from(text));
  }

  #gather(): void {
    if (this.#text === "") return;
    const part = Buffer.from(this.#text);
    this.#text = "";
    this.#parts.push(part);
    this.#size += part.length;
  }

  #write(data: string | Uint8Array): void {
    if (this.#closed) return;
    if (!this.#socket.write(data)) this.#congested = true;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
