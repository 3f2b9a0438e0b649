/**
 * A scripted next hop: an SMTP or LMTP server that does exactly what a test tells it to, and writes down what it got.
 *
 * It is the judge of our engines and shares no code with them. It reads strictly: only CRLF ends a command and only
 * CRLF "." CRLF ends DATA; octets are kept exactly as they came.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { Answer, Ledger, Moment, ReceivedMessage, Script, Stage } from "./next-hop-script.ts";
import { NextHopSession } from "./next-hop-session.ts";

export * from "./next-hop-script.ts";

export class NextHop implements Ledger, AsyncDisposable {
  readonly script: Script;
  readonly messages: ReceivedMessage[] = [];
  readonly commands: string[] = [];
  readonly bursts: string[] = [];
  connections = 0;
  concurrent = 0;
  maxConcurrent = 0;
  transactions = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #counted = new Set<number>();
  readonly #times = new Map<Stage, number>();
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  constructor(script: Script) {
    this.script = script;
    const implicit = script.tls?.how === "implicit" ? script.tls.certificate : undefined;
    this.#server = implicit
      ? tls.createServer({ ...implicit, noDelay: true })
      : net.createServer({ noDelay: true });
    this.#server.on(implicit ? "secureConnection" : "connection", (socket: net.Socket) =>
      this.#welcome(socket),
    );
  }

  async listen(host = "127.0.0.1", port = 0): Promise<this> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Resolves when `count` messages have been received in all. */
  received(count: number): Promise<readonly ReceivedMessage[]> {
    return this.until(() => this.messages.length >= count).then(() => this.messages);
  }

  /** Resolves when `done` holds; it is asked after each event. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  /** Closes every open connection, as a server does with idle clients. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Sends text on every open connection, asked for or not. */
  sayAll(text: string): void {
    for (const socket of this.#sockets) socket.write(text);
  }

  /** Reads nothing more from any open connection. */
  pauseAll(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  async ask(moment: Omit<Moment, "times">): Promise<Answer | undefined> {
    const times = (this.#times.get(moment.stage) ?? 0) + 1;
    this.#times.set(moment.stage, times);
    const answer = await this.script.reply?.({ ...moment, times });
    this.changed();
    return answer;
  }

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ done }) => !done());
    for (const waiter of waiting) if (!this.#waiting.includes(waiter)) waiter.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cutAll();
    if (this.#server.listening) await once(this.#server, "close");
  }

  /** By QUIT, or without a word. What the next one does may be heard of before this one's socket is seen to close. */
  left(connection: number): void {
    if (this.#counted.delete(connection)) this.concurrent--;
  }

  #welcome(socket: net.Socket): void {
    const number = ++this.connections;
    this.concurrent++;
    this.maxConcurrent = Math.max(this.maxConcurrent, this.concurrent);
    this.#sockets.add(socket);
    this.#counted.add(number);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.left(number);
      this.#sockets.delete(socket);
      this.changed();
    });
    new NextHopSession(this, socket, number).start();
  }
}

/** `port` 0: any free one. */
export const startNextHop = (script: Script = {}, host?: string, port?: number): Promise<NextHop> =>
  new NextHop(script).listen(host, port);
