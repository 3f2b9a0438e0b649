/**
 * What we say, in few large writes: text gathers until 64 KiB wait, or until there is nothing more to answer.
 *
 * In:     text (any characters; it leaves as UTF-8) and octets.
 * Out:    writes to the socket. `room()` waits while the client does not read.
 * Fails:  `room()` rejects with `Gone` once the connection is closed; what is said to a closed connection is dropped.
 */
import { isAscii } from "../../mail/address.ts";
import { Gone } from "./input.ts";
import type { ImapSocket } from "./socket.ts";

const batch = 65_536;

export class Output {
  #socket: Pick<ImapSocket, "write">;
  #text = "";
  #parts: Buffer[] = [];
  #size = 0;
  #congested = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Pick<ImapSocket, "write">) {
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
    if (this.#parts.length === 0) this.#flushText();
    else {
      this.#gather();
      const [first] = this.#parts;
      const all = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts, this.#size);
      this.#parts = [];
      this.#size = 0;
      this.#write(all);
    }
  }

  /** The client reads slowly: who has much to say awaits `room()` now and then. */
  get full(): boolean {
    return this.#congested;
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

  moveTo(socket: Pick<ImapSocket, "write">): void {
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
