/**
 * One SMTP connection of the load, as plain as can be: what it was told is all that it knows.
 *
 * In:     a port, on loopback unless told otherwise, and how to come there; drafts composed to octets.
 * Out:    `Told` for each message, never an exception; `usable` says whether the connection can carry another.
 */
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import type { Told } from "./ledger.ts";

/** Longer than any answer may take; whoever waits this long has found a hang. */
const PATIENCE_MS = 60_000;
const END = Buffer.from(".\r\n");

export interface ConnectionOptions {
  readonly host?: string;
  /** Our address. */
  readonly from?: string;
  /** TLS from the first octet, whoever signed the certificate, and a login. RFC 8314 §3.3, RFC 4954 §4 */
  readonly login?: { readonly user: string; readonly password: string };
}

/** A message that takes its time: so many octets, then so long a rest, and so on. */
export interface Pace {
  readonly octets: number;
  readonly restMs: number;
}

interface Waiter {
  readonly resolve: (reply: string) => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  readonly #socket: net.Socket;
  readonly #replies: string[] = [];
  readonly #waiting: Waiter[] = [];
  #text = "";
  #gone: Error | undefined;
  usable = true;
  /** Between 354 and the final dot. */
  inData = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (octets) => this.#read(octets.toString("latin1")));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the connection was closed")));
    socket.setTimeout(PATIENCE_MS, () => this.#end(new Error("no answer")));
  }

  /** Rejects when nobody answers there. */
  static async open(port: number, options: ConnectionOptions = {}): Promise<Connection> {
    const { host = "127.0.0.1", from, login } = options;
    const where = { port, host, ...(from ? { localAddress: from } : {}) };
    const socket = login ? tls.connect({ ...where, rejectUnauthorized: false }) : net.connect(where);
    await once(socket, login ? "secureConnect" : "connect");
    const connection = new Connection(socket);
    try {
      await connection.#expect(220);
      await connection.#ask("EHLO load.test", 250);
      if (login) await connection.#ask(`AUTH PLAIN ${plain(login)}`, 235);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async send(sender: string, recipients: readonly string[], octets: Buffer, pace?: Pace): Promise<Told> {
    let ended = false;
    try {
      const refusal = await this.#envelope(sender, recipients);
      if (refusal !== undefined) return { kind: "refused", reply: refusal, complete: false };
      if (pace) await this.#slowly(octets, pace);
      ended = true;
      this.#socket.cork();
      if (!pace) this.#socket.write(octets);
      this.#socket.write(END);
      this.#socket.uncork();
      const reply = await this.#reply();
      if (reply.startsWith("250")) return { kind: "accepted" };
      if (reply.startsWith("421")) this.close();
      return { kind: "refused", reply, complete: true };
    } catch {
      this.close();
      return { kind: ended ? "unknown" : "unsent" };
    }
  }

  async #slowly(octets: Buffer, { octets: step, restMs }: Pace): Promise<void> {
    this.inData = true;
    try {
      for (let at = 0; at < octets.length; at += step) {
        if (this.#gone) throw this.#gone;
        if (!this.#socket.write(octets.subarray(at, at + step))) await once(this.#socket, "drain");
        await delay(restMs);
      }
    } finally {
      this.inData = false;
    }
  }

  /** All commands in one write (RFC 2920); a refusal of any part ends the message, or the connection if need be. */
  async #envelope(sender: string, recipients: readonly string[]): Promise<string | undefined> {
    const lines = [`MAIL FROM:<${sender}>`, ...recipients.map((to) => `RCPT TO:<${to}>`), "DATA"];
    this.#socket.write(`${lines.join("\r\n")}\r\n`);
    let refusal: string | undefined;
    for (let i = 1; i < lines.length; i++) {
      const reply = await this.#reply();
      if (!reply.startsWith("250")) refusal ??= reply;
    }
    const data = await this.#reply();
    if (refusal === undefined && data.startsWith("354")) return undefined;
    // 354 for some recipients only: the rest of them would make a message of its own.
    if (data.startsWith("354") || data.startsWith("421")) this.close();
    else await this.#ask("RSET", 250);
    return refusal ?? data;
  }

  async quit(): Promise<void> {
    await this.#ask("QUIT", 221).catch(() => {});
    this.close();
  }

  close(): void {
    this.#end(new Error("closed"));
  }

  async #ask(line: string, code: number): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.#expect(code);
  }

  async #expect(code: number): Promise<void> {
    const reply = await this.#reply();
    if (!reply.startsWith(String(code))) throw new Error(`wanted ${code}, got ${reply}`);
  }

  #reply(): Promise<string> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#gone) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #read(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\r\n"); end >= 0; end = this.#text.indexOf("\r\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (line[3] === "-") continue;
      const waiter = this.#waiting.shift();
      if (waiter) waiter.resolve(line);
      else this.#replies.push(line);
    }
  }

  #end(error: Error): void {
    if (this.#gone) return;
    this.#gone = error;
    this.usable = false;
    this.#socket.destroy();
    this.#socket.emit("drain"); // whoever waits for room waits no longer
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

/** RFC 4616 §2 */
const plain = ({ user, password }: { readonly user: string; readonly password: string }): string =>
  Buffer.from(`\0${user}\0${password}`).toString("base64");
