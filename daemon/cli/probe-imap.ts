/**
 * As much of an IMAP client as a probe needs: log in over TLS, find a message by its Message-ID, read it, remove it.
 *
 * Fails:  with the server's answer when it is not OK, and with the socket's error.
 * Spec:   RFC 9051; literals (§4.3) are read, nothing but quoted strings is sent.
 */
import type { Duplex } from "node:stream";
import type { Dial } from "../smtp/client/dial.ts";

export interface ImapTarget {
  readonly host: string;
  readonly port: number;
  readonly verify: boolean;
  readonly user: string;
  readonly password: string;
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** One command at a time, as the answers come. */
class Imap {
  readonly #socket: Duplex;
  readonly #octets: AsyncIterator<Buffer>;
  #unread = "";
  #tags = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#octets = socket[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 2);
        return line;
      }
      await this.#more();
    }
  }

  /** Everything that the server says until the tagged OK, literals in their place. */
  async command(text: string): Promise<string> {
    const tag = `p${++this.#tags}`;
    this.#socket.write(`${tag} ${text}\r\n`);
    let said = "";
    for (;;) {
      const line = await this.line();
      if (line.startsWith(`${tag} OK`)) return said;
      if (line.startsWith(`${tag} `))
        throw new Error(`IMAP ${text.split(" ", 1)[0]}: ${line.slice(tag.length + 1)}`);
      said += `${line}\r\n`;
      const literal = /\{(\d+)\}$/.exec(line);
      if (literal) said += await this.#take(Number(literal[1]));
    }
  }

  async #take(length: number): Promise<string> {
    while (this.#unread.length < length) await this.#more();
    const taken = this.#unread.slice(0, length);
    this.#unread = this.#unread.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#octets.next();
    if (done) throw new Error("the IMAP server closed the connection");
    this.#unread += value.toString("latin1");
  }
}

async function logIn(dial: Dial, target: ImapTarget, plain: Duplex, signal: AbortSignal): Promise<Imap> {
  const before = new Imap(plain);
  await before.line(); // the greeting
  await before.command("STARTTLS");
  const { socket } = await dial.secure(plain, { servername: target.host, verify: target.verify }, signal);
  const imap = new Imap(socket);
  await imap.command(`LOGIN ${quoted(target.user)} ${quoted(target.password)}`);
  return imap;
}

/** The message with this Message-ID, which is then removed; `undefined`: it is not there (yet). */
export async function takeMessage(
  dial: Dial,
  target: ImapTarget,
  messageId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const plain = await dial.connect({ address: target.host, port: target.port }, signal);
  const stop = () => plain.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const imap = await logIn(dial, target, plain, signal);
    await imap.command("SELECT INBOX");
    const found = /^\* SEARCH (\d+)/m.exec(
      await imap.command(`UID SEARCH HEADER Message-ID ${quoted(messageId)}`),
    );
    const uid = found?.[1];
    if (uid === undefined) return undefined;
    const message = await imap.command(`UID FETCH ${uid} BODY.PEEK[]`);
    await imap.command(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
    await imap.command(`UID EXPUNGE ${uid}`);
    await imap.command("LOGOUT").catch(() => {}); // it may close first
    return message;
  } finally {
    signal.removeEventListener("abort", stop);
    plain.destroy();
  }
}
