/**
 * A line-wise SMTP client on a real socket, for tests that need the octets and not a library's opinion of them.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";

export class RawClient implements AsyncDisposable {
  socket: net.Socket;
  #heard = "";
  #news = Promise.withResolvers<void>();

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.#listen();
  }

  /** Connects; the banner is not yet read. */
  static async connect(port: number, host = "127.0.0.1", localAddress?: string): Promise<RawClient> {
    const socket = net.connect({ port, host, noDelay: true, ...(localAddress ? { localAddress } : {}) });
    const client = new RawClient(socket);
    await once(socket, "connect");
    return client;
  }

  send(octets: string | Buffer): void {
    this.socket.write(octets);
  }

  /** The next reply in full, or what came when the server hung up. */
  async reply(): Promise<string> {
    for (;;) {
      const end = /^\d{3} [^\n]*\n/m.exec(this.#heard);
      if (end) {
        const length = end.index + end[0].length;
        const reply = this.#heard.slice(0, length);
        this.#heard = this.#heard.slice(length);
        return reply;
      }
      if (this.socket.closed || this.socket.readableEnded) return this.#heard;
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
  }

  ask(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  async startTls(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
    this.socket.removeAllListeners("data");
    const secure = tls.connect({ ...options, socket: this.socket });
    await once(secure, "secureConnect");
    this.socket = secure;
    this.#listen();
    return secure;
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed();
  }

  #listen(): void {
    this.socket.on("error", () => {});
    this.socket.on("data", (octets: Buffer) => {
      this.#heard += octets.toString("latin1");
      this.#news.resolve();
    });
    for (const event of ["end", "close"]) this.socket.on(event, () => this.#news.resolve());
  }
}
