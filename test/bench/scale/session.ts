/**
 * One SMTP connection of a client that wastes nothing: commands are pipelined, replies are counted.
 *
 * In:     messages, one at a time.
 * Out:    ms from the final dot to the 250.
 * Fails:  on every reply that is not what a message needs, and when the server closes.
 * Spec:   RFC 2920 (PIPELINING).
 */
import { once } from "node:events";
import net from "node:net";
import { sharedNow } from "./time.ts";

export interface Message {
  readonly from: string;
  readonly to: readonly string[];
  /** With CRLF at its end, and no line that begins with a dot. */
  readonly body: string;
}

export class SmtpSession implements Disposable {
  readonly #socket: net.Socket;
  #text = "";
  #replies: string[] = [];
  #waiting:
    | { readonly count: number; readonly done: () => void; readonly failed: (e: Error) => void }
    | undefined;
  #over: Error | undefined;

  static async connect(port: number, localAddress = "127.0.0.1"): Promise<SmtpSession> {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    const session = new SmtpSession(socket);
    await once(socket, "connect");
    await session.#replied(1, "220");
    socket.write("EHLO client.example.net\r\n");
    await session.#replied(1, "250");
    return session;
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => this.#take(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  get isOpen(): boolean {
    return this.#over === undefined;
  }

  /** `dotted` hears of the final dot when it leaves. */
  async send({ from, to, body }: Message, dotted: (at: number) => void = () => {}): Promise<number> {
    const rcpts = to.map((address) => `RCPT TO:<${address}>\r\n`).join("");
    this.#socket.write(`MAIL FROM:<${from}>\r\n${rcpts}DATA\r\n`);
    await this.#replied(to.length + 2, "250", "354");
    const dotAt = sharedNow();
    dotted(dotAt);
    this.#socket.write(`${body}.\r\n`);
    await this.#replied(1, "250");
    return sharedNow() - dotAt;
  }

  /** Resolves when so many replies have come, the last of them with the last of these codes, the others with the first. */
  async #replied(count: number, code: string, last = code): Promise<void> {
    if (this.#replies.length < count) {
      await new Promise<void>((done, failed) => {
        if (this.#over) failed(this.#over);
        else this.#waiting = { count, done, failed };
      });
    }
    const heard = this.#replies.splice(0, count);
    for (const [i, reply] of heard.entries())
      if (!reply.startsWith(i === count - 1 ? last : code)) throw new Error(reply);
  }

  #take(text: string): void {
    this.#text += text;
    const lines = this.#text.split("\r\n");
    this.#text = lines.pop() as string;
    for (const line of lines) if (line[3] !== "-") this.#replies.push(line);
    const waiting = this.#waiting;
    if (!waiting || this.#replies.length < waiting.count) return;
    this.#waiting = undefined;
    waiting.done();
  }

  #fail(error: Error): void {
    this.#over ??= error;
    this.#waiting?.failed(this.#over);
    this.#waiting = undefined;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

const line = "A line of a message as it might be, of about sixty octets.\r\n";

/** A message of about so many octets. */
export const textOf = (octets: number): string =>
  `From: <sender@bench.example>\r\nSubject: a message of a benchmark\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`;
