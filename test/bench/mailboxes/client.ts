/**
 * An IMAP client that costs next to nothing: it counts what comes and looks for tagged answers only.
 *
 * In:     commands, one at a time; literals are sent without waiting (LITERAL+).
 * Out:    ms until the tagged OK, octets that came before it, the text when it was asked for.
 * Fails:  on NO and BAD, and when the server closes.
 */
import { once } from "node:events";
import net from "node:net";

export interface Answered {
  readonly ms: number;
  readonly octets: number;
  /** The last 64 KiB of the answer. */
  readonly text: string;
}

interface Waiting {
  readonly tag: string;
  readonly began: number;
  octets: number;
  readonly done: (answer: Answered) => void;
  readonly failed: (error: Error) => void;
}

const KEPT = 65_536;
const CR = 13;

export class ImapClient implements AsyncDisposable {
  readonly #socket: net.Socket;
  #serial = 0;
  #waiting: Waiting | undefined;
  #tail: Buffer = Buffer.alloc(0);
  #untagged: { readonly heard: (text: string) => void; readonly failed: (error: Error) => void } | undefined;
  #over: Error | undefined;

  static async connect(port: number, localAddress = "127.0.0.1"): Promise<ImapClient> {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    const client = new ImapClient(socket);
    const greeting = client.hear();
    await once(socket, "connect");
    await greeting;
    return client;
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  /** What comes next, whatever it is. */
  hear(): Promise<string> {
    return new Promise((heard, failed) => {
      if (this.#over) failed(this.#over);
      else this.#untagged = { heard, failed };
    });
  }

  command(text: string, literal?: Uint8Array): Promise<Answered> {
    const tag = `a${this.#serial++}`;
    return new Promise((done, failed) => {
      if (this.#over) return failed(this.#over);
      this.#waiting = { tag, began: performance.now(), octets: 0, done, failed };
      this.#tail = Buffer.alloc(0);
      if (literal === undefined) this.#socket.write(`${tag} ${text}\r\n`);
      else {
        this.#socket.cork();
        this.#socket.write(`${tag} ${text} {${literal.length}+}\r\n`);
        this.#socket.write(literal);
        this.#socket.write("\r\n");
        this.#socket.uncork();
      }
    });
  }

  async login(user: string, password: string): Promise<Answered> {
    return this.command(`LOGIN "${user}" "${password}"`);
  }

  /** Resolves when the server waits for news. */
  async idle(): Promise<void> {
    const ready = this.hear();
    this.#socket.write(`i${this.#serial++} IDLE\r\n`);
    await ready;
  }

  #take(chunk: Buffer): void {
    const untagged = this.#untagged;
    if (untagged) {
      this.#untagged = undefined;
      untagged.heard(chunk.toString("latin1"));
      return;
    }
    const waiting = this.#waiting;
    if (!waiting) return;
    waiting.octets += chunk.length;
    this.#tail = chunk.length >= KEPT ? chunk : Buffer.concat([this.#tail.subarray(-KEPT), chunk]);
    if (this.#tail.at(-2) !== CR) return; // not the end of a line
    const text = this.#tail.toString("latin1");
    const before = text.lastIndexOf("\r\n", text.length - 3);
    const last = before < 0 ? 0 : before + 2;
    if (!text.startsWith(`${waiting.tag} `, last)) return;
    this.#waiting = undefined;
    const answer = { ms: performance.now() - waiting.began, octets: waiting.octets, text };
    if (text.startsWith(`${waiting.tag} OK`, last)) waiting.done(answer);
    else waiting.failed(new Error(text.slice(last).trim()));
  }

  #fail(error: Error): void {
    this.#over ??= error;
    this.#waiting?.failed(error);
    this.#untagged?.failed(error);
    this.#waiting = undefined;
    this.#untagged = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }
}
