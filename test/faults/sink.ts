/**
 * The next hop of the tests: an SMTP server that writes down which message it took for whom and when, and checks that
 * every octet came. What it took it has taken, whether or not its answer was ever read.
 *
 * By local part: `bad-…` is refused for good, `late-…` is deferred once; everything is deferred while `deferring`.
 * Every other connection is offered CHUNKING, so that both ways of sending are used.
 */
import { once } from "node:events";
import net from "node:net";
import type { Ledger } from "./ledger.ts";
import { readBack } from "./message.ts";

const CRLF = Buffer.from("\r\n");
const END = Buffer.from("\r\n.\r\n");
const EXTENSIONS = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 50000000"];

export class Sink implements AsyncDisposable {
  readonly #ledger: Ledger;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #deferred = new Set<string>();
  /** When it was asked to take something, by recipient; `performance.now()`. */
  readonly tried = new Map<string, number[]>();
  #connections = 0;
  /** Every recipient that is not refused for good is deferred. */
  deferring = false;
  /** Recipients at these domains are deferred. */
  readonly closed = new Set<string>();
  /** How long it thinks before it says that it took a message, ms. */
  pondering = 0;
  /** Sessions that ended in the middle of a message. */
  cut = 0;
  /** The most sessions at the same time. */
  most = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      this.most = Math.max(this.most, this.#sockets.size);
      const session = new Session(socket, this, this.#connections++ % 2 === 0);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (session.busy) this.cut++;
      });
      socket.on("error", () => socket.destroy());
      session.start();
    });
  }

  async listen(host = "127.0.0.1", port = 0): Promise<this> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** The answer to RCPT. */
  judge(address: string): string {
    const times = this.tried.get(address);
    if (times) times.push(performance.now());
    else this.tried.set(address, [performance.now()]);
    if (address.startsWith("bad-")) return "550 5.1.1 No such user here";
    if (this.deferring || this.closed.has(address.slice(address.lastIndexOf("@") + 1)))
      return "451 4.3.0 Not today";
    if (!address.startsWith("late-") || this.#deferred.has(address)) return "250 2.1.5 Fine";
    this.#deferred.add(address);
    return "451 4.2.0 Come again";
  }

  take(octets: Buffer, recipients: readonly string[], from: string): void {
    const at = performance.now();
    const found = readBack(octets);
    if (found === undefined || !found.whole) this.#ledger.damaged.push(found?.id ?? recipients.join());
    for (const address of recipients) this.#ledger.copies.push({ id: found?.id ?? "", address, at, from });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, "close");
  }
}

type Reading =
  | { readonly what: "commands" | "text" }
  | { readonly what: "chunk"; octets: number; readonly last: boolean };

class Session {
  readonly #socket: net.Socket;
  readonly #sink: Sink;
  readonly #chunking: boolean;
  #reading: Reading = { what: "commands" };
  #input: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #recipients: string[] = [];

  constructor(socket: net.Socket, sink: Sink, chunking: boolean) {
    this.#socket = socket;
    this.#sink = sink;
    this.#chunking = chunking;
  }

  /** Within a transaction. */
  get busy(): boolean {
    return this.#recipients.length > 0;
  }

  start(): void {
    this.#say("220 sink.test ESMTP");
    this.#socket.on("data", (octets: Buffer) => {
      this.#input = this.#input.length === 0 ? octets : Buffer.concat([this.#input, octets]);
      while (this.#step());
    });
  }

  #say(line: string): void {
    if (!this.#socket.destroyed) this.#socket.write(`${line}\r\n`);
  }

  /** False: more octets are needed. */
  #step(): boolean {
    switch (this.#reading.what) {
      case "commands":
        return this.#line();
      case "text":
        return this.#text();
      case "chunk":
        return this.#chunk(this.#reading.octets, this.#reading.last);
    }
  }

  #line(): boolean {
    const end = this.#input.indexOf(CRLF);
    if (end < 0) return false;
    const line = this.#input.toString("latin1", 0, end);
    this.#input = this.#input.subarray(end + 2);
    this.#command(line);
    return true;
  }

  #command(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") this.#greet();
    else if (verb === "RCPT") this.#recipient(/<(.*?)>/.exec(line)?.[1] ?? "");
    else if (verb === "DATA") this.#data();
    else if (verb === "BDAT") this.#bdat(line.split(" "));
    else if (verb === "QUIT") this.#socket.end("221 2.0.0 Bye\r\n");
    else {
      if (verb === "MAIL" || verb === "RSET") this.#reset();
      this.#say("250 2.0.0 Fine");
    }
  }

  #greet(): void {
    const offered = this.#chunking ? [...EXTENSIONS, "CHUNKING"] : EXTENSIONS;
    const lines = ["sink.test", ...offered];
    this.#say(lines.map((text, i) => `250${i + 1 < lines.length ? "-" : " "}${text}`).join("\r\n"));
  }

  #recipient(address: string): void {
    const answer = this.#sink.judge(address);
    if (answer.startsWith("250")) this.#recipients.push(address);
    this.#say(answer);
  }

  #data(): void {
    if (this.#recipients.length === 0) return this.#say("554 5.5.1 No valid recipients");
    this.#reading = { what: "text" };
    // A text without a line would end with a dot right behind this.
    this.#input = Buffer.concat([CRLF, this.#input]);
    this.#say("354 Go ahead");
  }

  #text(): boolean {
    const end = this.#input.indexOf(END);
    if (end < 0) return false;
    const stuffed = this.#input.subarray(2, end + 2);
    this.#input = this.#input.subarray(end + END.length);
    this.#reading = { what: "commands" };
    // Nothing that we compose begins a line with a dot, and trace headers do not either.
    this.#taken(stuffed);
    return true;
  }

  #bdat([, size = "", last]: readonly string[]): void {
    this.#reading = { what: "chunk", octets: Number(size), last: last?.toUpperCase() === "LAST" };
  }

  #chunk(octets: number, last: boolean): boolean {
    if (this.#input.length < octets) return false;
    this.#parts.push(this.#input.subarray(0, octets));
    this.#input = this.#input.subarray(octets);
    this.#reading = { what: "commands" };
    if (!last) this.#say("250 2.0.0 Chunk taken");
    else if (this.#recipients.length === 0) this.#say("554 5.5.1 No valid recipients");
    else this.#taken(Buffer.concat(this.#parts));
    return true;
  }

  #taken(octets: Buffer): void {
    this.#sink.take(octets, this.#recipients, this.#socket.remoteAddress ?? "");
    this.#reset();
    if (this.#sink.pondering === 0) return this.#say("250 2.0.0 Taken");
    setTimeout(() => this.#say("250 2.0.0 Taken"), this.#sink.pondering);
  }

  #reset(): void {
    this.#parts = [];
    this.#recipients = [];
  }
}
