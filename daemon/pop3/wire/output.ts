/**
 * What we say, in few writes: replies gather until there is nothing more to answer, octets until 64 KiB wait.
 *
 * In:     ASCII text, and octets of messages (they must stay as they are until they have left).
 * Out:    writes to the socket. `room()` waits while the client does not read.
 * Fails:  `room()` rejects with `Gone` once the connection is closed; what is said to a closed connection is dropped.
 */
import type { Pop3Socket } from "./socket.ts";

/** The client is not there any more. */
export class Gone extends Error {
  override readonly name = "Gone";
  constructor() {
    super("the client has gone");
  }
}

const batch = 65_536;

export class Output {
  readonly #socket: Pick<Pop3Socket, "write">;
  /** The status that was told last. RFC 1939 §3 */
  refused = false;
  #text = "";
  #parts: Uint8Array[] = [];
  #size = 0;
  #congested = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Pick<Pop3Socket, "write">) {
    this.#socket = socket;
  }

  line(text: string): void {
    if (text.startsWith("+OK")) this.refused = false;
    else if (text.startsWith("-ERR")) this.refused = true;
    this.#text += text;
    this.#text += "\r\n";
    if (this.#text.length >= batch) this.flush();
  }

  octets(octets: Uint8Array): void {
    this.#gather();
    this.#parts.push(octets);
    this.#size += octets.length;
    if (this.#size >= batch) this.flush();
  }

  flush(): void {
    if (this.#parts.length === 0) {
      if (this.#text !== "") this.#write(this.#text);
      this.#text = "";
      return;
    }
    this.#gather();
    const parts = this.#parts;
    // What is large is not copied once more; many small writes would cost more than the copy.
    if (this.#size <= batch || parts.length > 16) this.#write(Buffer.concat(parts, this.#size));
    else for (const part of parts) this.#write(part);
    this.#parts = [];
    this.#size = 0;
  }

  /** The client reads slowly: who has much to say awaits `room()` now and then. */
  get full(): boolean {
    return this.#congested || this.#closed;
  }

  async room(): Promise<void> {
    while (this.#congested && !this.#closed)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
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

  #gather(): void {
    if (this.#text === "") return;
    const octets = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#parts.push(octets);
    this.#size += octets.length;
  }

  #write(data: string | Uint8Array): void {
    if (!this.#closed && !this.#socket.write(data)) this.#congested = true;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
