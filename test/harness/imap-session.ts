/**
 * An IMAP session in memory: a scripted client on one side, a real mailbox in memory on the other.
 *
 * `converse` plays lines such as `C: a LOGIN bob secret` and `S: a OK`; an `S:` line matches a response's start, `S*`
 * skips responses until one that starts so.
 */
import assert from "node:assert/strict";
import type { ImapHost } from "../../daemon/imap/host.ts";
import { defaultLimits, type ImapLimits } from "../../daemon/imap/limits.ts";
import { Session } from "../../daemon/imap/session.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Entrance, SaslStep } from "../../daemon/kit/sasl.ts";
import { MemoryMailboxStore } from "../../daemon/mailbox/memory.ts";
import type { MailboxName, Quota } from "../../daemon/mailbox/store.ts";
import { FakeClock } from "./fake-clock.ts";
import { bob } from "./mailboxes.ts";
import { MemorySocket } from "./memory-socket.ts";

export interface Stage {
  readonly store: MemoryMailboxStore;
  readonly clock: FakeClock;
  quota: Quota;
  /** A further connection. */
  connect(options?: ConnectOptions): Client;
}

export interface ConnectOptions {
  readonly limits?: Partial<ImapLimits>;
  readonly tls?: boolean;
  readonly startTls?: boolean;
  readonly trustPlain?: boolean;
}

export function stage(): Stage {
  const clock = new FakeClock();
  const store = new MemoryMailboxStore(clock);
  const made: Stage = {
    store,
    clock,
    quota: {},
    connect: (options = {}) => new Client(made, host(made), options),
  };
  return made;
}

function host(here: Stage): ImapHost {
  return {
    mechanisms: () => ["PLAIN"],
    exchange: (mechanism) => (mechanism === "PLAIN" ? { respond: plain } : undefined),
    password: async (name, password) => judge(name, password),
    open: (who, signal) => here.store.open(who, { quota: () => here.quota }, signal),
  };
}

function judge(name: string, password: string): Entrance<MailboxName> {
  if (name === "gone") return { kind: "refused", why: "unavailable" };
  if (name === "carol" && password === "secret") return { kind: "refused", why: "disabled" };
  if (name !== "bob" || password !== "secret") return { kind: "refused", why: "wrong" };
  return { kind: "welcome", who: bob };
}

function plain(response: Buffer | undefined): SaslStep<MailboxName> {
  if (response === undefined) return { kind: "challenge", octets: Buffer.alloc(0) };
  const [, name, password] = response.toString().split("\0");
  if (name === undefined || password === undefined) return { kind: "refused", why: "malformed" };
  return judge(name, password);
}

/** Long enough for anything that is not broken. */
const patienceMs = 10_000;

export class Client {
  readonly socket = new MemorySocket();
  readonly session: Session;
  readonly over: Promise<void>;
  #read = 0;

  constructor(here: Stage, imapHost: ImapHost, options: ConnectOptions) {
    const tls = options.tls ? { protocol: "TLSv1.3", cipher: "x" } : undefined;
    if (options.startTls) this.socket.startTls = async () => ({ protocol: "TLSv1.3", cipher: "x" });
    const done = Promise.withResolvers<void>();
    this.over = done.promise;
    this.session = new Session(this.socket, {
      host: imapHost,
      client: { address: "127.0.0.1", port: 4, listener: "imap", channelBinding: () => undefined },
      tls,
      trustPlain: options.trustPlain ?? true,
      limits: { ...defaultLimits, ...options.limits },
      clock: here.clock,
      log: silent,
      onOver: () => done.resolve(),
    });
    void this.session.run();
  }

  send(text: string | Buffer): void {
    this.socket.events?.data(Buffer.from(text as string, "latin1"));
  }

  /** The next response line; literals are part of it. */
  async line(): Promise<string> {
    const give = AbortSignal.timeout(patienceMs);
    for (;;) {
      const line = this.#takeLine();
      if (line !== undefined) return line;
      if (this.socket.ended) throw new Error("the connection is closed");
      give.throwIfAborted();
      await Promise.race([this.socket.written(), new Promise((resolve) => setTimeout(resolve, 1_000))]);
    }
  }

  #takeLine(): string | undefined {
    const { out } = this.socket;
    let from = this.#read;
    for (;;) {
      const end = out.indexOf("\r\n", from);
      if (end === -1) return undefined;
      const literal = /\{(\d+)\}$/.exec(out.slice(this.#read, end));
      if (!literal) {
        const line = out.slice(this.#read, end);
        this.#read = end + 2;
        return line;
      }
      from = end + 2 + Number(literal[1]);
      if (from > out.length) return undefined;
    }
  }

  /** Sends a command and returns its untagged responses and, last, the tagged one. */
  async command(text: string, tag = "t"): Promise<string[]> {
    this.send(`${tag} ${text}\r\n`);
    return this.until(tag);
  }

  async until(start: string): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      lines.push(line);
      if (line.startsWith(`${start} `)) return lines;
    }
  }

  /** The tagged answer, which must be OK. */
  async ok(text: string): Promise<string[]> {
    const lines = await this.command(text);
    assert.match(lines.at(-1) ?? "", /^t OK/, text);
    return lines;
  }

  async converse(script: readonly string[]): Promise<void> {
    for (const step of script) {
      const text = step.slice(3);
      if (step.startsWith("C: ")) this.send(`${text}\r\n`);
      else if (step.startsWith("S: ")) {
        const line = await this.line();
        assert.ok(line.startsWith(text), `wanted ${JSON.stringify(text)}, got ${JSON.stringify(line)}`);
      } else {
        const seen: string[] = [];
        for (;;) {
          const line = await this.line();
          seen.push(line);
          if (line.startsWith(text)) break;
          assert.ok(
            !/^[a-z]\d* (OK|NO|BAD)/.test(line),
            `no ${JSON.stringify(text)} in ${JSON.stringify(seen)}`,
          );
        }
      }
    }
  }

  /** What may be said and done in a given state; the greeting and the answers are read. */
  async bring(state: keyof typeof states): Promise<this> {
    await this.line();
    for (const command of states[state]) await this.ok(command);
    return this;
  }

  hangUp(): Promise<void> {
    this.socket.events?.ended();
    return this.over;
  }
}

export const states = {
  stranger: [],
  user: ["LOGIN bob secret"],
  selected: ["LOGIN bob secret", "SELECT INBOX"],
  examined: ["LOGIN bob secret", "EXAMINE INBOX"],
} as const;

export const simpleMessage = [
  "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)",
  "From: Fred Foobar <foobar@Blurdybloop.example>",
  "Subject: afternoon meeting",
  "To: mooch@owatagu.example",
  "Message-Id: <B27397-0100000@Blurdybloop.example>",
  "MIME-Version: 1.0",
  "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII",
  "",
  "Hello Joe, do you think we can meet at 3:30 tomorrow?",
  "",
].join("\r\n");
