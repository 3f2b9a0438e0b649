/** A line-wise POP3 client on a real socket, for tests that need the octets and not a library's opinion of them. */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";

export class Pop3Client implements AsyncDisposable {
  socket: net.Socket;
  #heard = "";
  #news = Promise.withResolvers<void>();

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.#listen();
  }

  /** Connects and takes the greeting. */
  static async connect(port: number): Promise<Pop3Client> {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const client = new Pop3Client(socket);
    await client.#until(/^\+OK [^\n]*\n/);
    return client;
  }

  /** The same over TLS from the first octet, whoever signed the certificate. */
  static async connectSecurely(port: number): Promise<Pop3Client> {
    const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    const client = new Pop3Client(socket);
    await client.#until(/^\+OK [^\n]*\n/);
    return client;
  }

  /** The reply to a command that has one line; what came when the server hung up. */
  ask(...lines: readonly string[]): Promise<string> {
    this.send(lines);
    return this.#until(/^[^\n]*\n/);
  }

  /** The reply to a command that may have many, without the dot and still stuffed. */
  async askLong(line: string): Promise<string> {
    this.send([line]);
    return (await this.#until(/^(?:-ERR [^\n]*\n|\+OK[^\n]*\n(?:[^\n]*\n)*?\.\r\n)/)).replace(/\.\r\n$/, "");
  }

  send(lines: readonly string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  async login(name: string, password: string): Promise<string> {
    await this.ask(`USER ${name}`);
    return this.ask(`PASS ${password}`);
  }

  /** The next line. */
  line(): Promise<string> {
    return this.#until(/^[^\n]*\n/);
  }

  async startTls(ca: string): Promise<tls.TLSSocket> {
    await this.ask("STLS");
    this.socket.removeAllListeners("data");
    const secure = tls.connect({ socket: this.socket, ca, servername: "localhost" });
    await once(secure, "secureConnect");
    this.socket = secure;
    this.#listen();
    return secure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.closed) return;
    this.socket.destroy();
    await once(this.socket, "close");
  }

  #listen(): void {
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      this.#heard += text;
      this.#news.resolve();
    });
    for (const event of ["close", "end", "error"]) this.socket.on(event, () => this.#news.resolve());
  }

  async #until(end: RegExp): Promise<string> {
    for (;;) {
      const [found] = end.exec(this.#heard) ?? [];
      if (found !== undefined || this.socket.readableEnded || this.socket.closed) {
        const heard = found ?? this.#heard;
        this.#heard = this.#heard.slice(heard.length);
        return heard;
      }
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
  }
}
