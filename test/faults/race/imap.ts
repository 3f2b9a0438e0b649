/**
 * An IMAP client for a race, over TLS: one command at a time, answers as text. Whoever is cut off is told so, and what its last
 * command did is then not known.
 */
import type { Socket } from "node:net";
import tls from "node:tls";

/** The connection is gone, or the server could not say what became of the command. */
export class Unknown extends Error {
  override readonly name = "Unknown";
}

const PATIENCE_MS = 60_000;

interface Waiting {
  readonly tag: string;
  readonly done: (text: string) => void;
  readonly failed: (error: Error) => void;
}

export class Imap implements Disposable {
  readonly #socket: Socket;
  #serial = 0;
  #text = "";
  #waiting: Waiting | undefined;
  #over: Error | undefined;
  /** For the end of a command, ms. */
  longestWait = 0;
  /** Hears what comes while no command is under way. */
  onNews: (text: string) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    const end = () => this.#end(new Unknown("the connection is gone"));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.setEncoding("latin1").on("data", (chunk: string) => this.#take(chunk));
    socket.on("error", end).on("close", end);
  }

  /** Rejects with `Unknown` while nobody listens. */
  static async enter(port: number, user: string, password: string): Promise<Imap> {
    const client = new Imap(tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false }));
    try {
      await client.#expect("*");
      await client.command(`LOGIN "${user}" "${password}"`);
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  get over(): boolean {
    return this.#over !== undefined;
  }

  /** The answer up to its tagged OK. Rejects with `Unknown` when it is NO or does not come, with another error on BAD. */
  async command(text: string): Promise<string> {
    const tag = `t${this.#serial++}`;
    const began = performance.now();
    const answer = this.#expect(tag);
    this.#socket.write(`${tag} ${text}\r\n`, "latin1");
    try {
      return await answer;
    } finally {
      this.longestWait = Math.max(this.longestWait, performance.now() - began);
    }
  }

  /** Resolves when the server has begun to tell news; `done` ends it. */
  async idle(): Promise<{ done(): Promise<string> }> {
    const tag = `t${this.#serial++}`;
    const begun = this.#expect("+");
    this.#socket.write(`${tag} IDLE\r\n`);
    await begun;
    return {
      done: () => {
        const ended = this.#expect(tag);
        this.#socket.write("DONE\r\n");
        return ended;
      },
    };
  }

  #expect(tag: string): Promise<string> {
    return new Promise((done, failed) => {
      if (this.#over) failed(this.#over);
      else this.#waiting = { tag, done, failed };
    });
  }

  #take(chunk: string): void {
    this.#text += chunk;
    if (!this.#text.endsWith("\r\n")) return;
    if (this.#waiting?.tag === "+") this.#invite(this.#waiting);
    const waiting = this.#waiting;
    const text = this.#text;
    if (text === "") return;
    const before = text.lastIndexOf("\r\n", text.length - 3);
    const last = text.slice(before < 0 ? 0 : before + 2);
    if (waiting && !last.startsWith(`${waiting.tag} `)) return;
    this.#text = "";
    if (!waiting) return this.onNews(text);
    this.#waiting = undefined;
    const [, word = ""] = last.split(" ");
    if (word === "BAD") waiting.failed(new Error(`the server took a command for faulty: ${last}`));
    else if (word === "NO" || word === "BYE") waiting.failed(new Unknown(last.trim()));
    else waiting.done(text);
  }

  /** A server may have news in the same packet. */
  #invite(waiting: Waiting): void {
    const [before = "", news] = this.#text.split(/^\+ .*\r\n/m);
    if (news === undefined) return;
    this.#waiting = undefined;
    this.#text = news;
    waiting.done(before);
  }

  #end(error: Error): void {
    this.#over ??= error;
    this.#waiting?.failed(this.#over);
    this.#waiting = undefined;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
