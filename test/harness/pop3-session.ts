/**
 * A POP3 session in memory: a scripted client on one side, a host with one mailbox on the other.
 *
 * `Talk.ask` sends a line and returns what is heard; `converse` plays lines such as `C: STAT` and `S: +OK 2 20`.
 */
import assert from "node:assert/strict";
import type { TlsFacts } from "../../daemon/kit/client-socket.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { SaslExchange } from "../../daemon/kit/sasl.ts";
import type { MailboxName, Uid } from "../../daemon/mailbox/store.ts";
import type { Message } from "../../daemon/mailbox/view.ts";
import type { Pop3Host } from "../../daemon/pop3/host.ts";
import { defaultLimits, type Pop3Limits } from "../../daemon/pop3/limits.ts";
import type { Form, Maildrop } from "../../daemon/pop3/maildrop.ts";
import { Session } from "../../daemon/pop3/session.ts";
import { FakeClock } from "./fake-clock.ts";
import { MemorySocket } from "./memory-socket.ts";

export const bob = "bob@x.example" as MailboxName;
const tls: TlsFacts = { protocol: "TLSv1.3", cipher: "TEST" };

/** One mailbox, whose texts are its messages; what is done with it is told. */
export class MemoryBox {
  readonly texts: (string | undefined)[];
  readonly calls: string[] = [];
  /** What clients were taken to understand, at each message. */
  readonly forms: Form[] = [];
  readonly lost = new AbortController();
  /** What a later read or removal throws. */
  readFault: Error | undefined;
  /** After so many pieces; 0: at once. */
  readFaultAfter = 0;
  removeFault: Error | undefined;
  /** Removals wait for it. */
  removeGate: Promise<void> | undefined;
  openFault: Error | undefined;
  /** Pieces that a message is read in. */
  pieceOctets = 100_000;
  held = false;

  constructor(texts: readonly string[]) {
    this.texts = [...texts];
  }

  open(): Maildrop | undefined {
    if (this.openFault) throw this.openFault;
    if (this.held) return undefined;
    this.held = true;
    this.calls.push("open");
    const messages = this.texts.map(
      (text = "", i) => ({ uid: (i + 1) as Uid, size: Buffer.byteLength(text) }) as Message,
    );
    return {
      messages,
      lost: this.lost.signal,
      uidl: ({ uid }) => `7.${uid}`,
      octets: ({ uid }, form) => {
        this.forms.push(form);
        return this.texts[uid - 1] === undefined ? undefined : this.#read(uid);
      },
      remove: async (all) => {
        await this.removeGate;
        if (this.removeFault) throw this.removeFault;
        this.calls.push(`remove ${all.map(({ uid }) => uid).join(",")}`);
        for (const { uid } of all) this.texts[uid - 1] = undefined;
      },
      [Symbol.asyncDispose]: async () => {
        this.held = false;
        this.calls.push("close");
      },
    };
  }

  async *#read(uid: number): AsyncIterable<Uint8Array> {
    const octets = Buffer.from(this.texts[uid - 1] ?? "", "latin1");
    let pieces = 0;
    for (let at = 0; at < octets.length; at += this.pieceOctets) {
      if (this.readFault && pieces++ >= this.readFaultAfter) throw this.readFault;
      yield octets.subarray(at, at + this.pieceOctets);
    }
  }
}

/** Asks once, and once more after the first answer; `secret` in the second is right. */
function twoSteps(): SaslExchange<MailboxName> {
  return {
    respond: (octets) => {
      if (octets === undefined) return { kind: "challenge", octets: Buffer.from("what?") };
      const text = octets.toString();
      if (text === "") return { kind: "challenge", octets: Buffer.alloc(0) };
      return text === "secret" ? { kind: "welcome", who: bob } : { kind: "refused", why: "wrong" };
    },
  };
}

export const hostOf = (box: MemoryBox, over: Partial<Pop3Host> = {}): Pop3Host => ({
  mechanisms: () => ["TEST"],
  exchange: (name) => (name === "TEST" ? twoSteps() : undefined),
  password: async (name, password) =>
    name === "bob" && password === "my secret"
      ? { kind: "welcome", who: bob }
      : { kind: "refused", why: name === "asleep" ? "disabled" : name === "away" ? "unavailable" : "wrong" },
  open: async () => box.open(),
  ...over,
});

export interface TalkOptions {
  readonly box?: MemoryBox;
  readonly host?: Partial<Pop3Host>;
  readonly limits?: Partial<Pop3Limits>;
  readonly tls?: boolean;
  readonly startTls?: boolean;
  readonly trustPlain?: boolean;
}

export class Talk {
  readonly socket = new MemorySocket((text) => assert.match(text, /^[\r\n -~]*$/, "text is ASCII"));
  readonly clock = new FakeClock();
  readonly box: MemoryBox;
  readonly session: Session;
  over = 0;

  constructor(options: TalkOptions = {}) {
    this.box = options.box ?? new MemoryBox(["Subject: a\r\n\r\none\r\n", "Subject: b\r\n\r\n.two\r\n"]);
    if (options.startTls) this.socket.startTls = async () => tls;
    this.session = new Session(this.socket, {
      host: hostOf(this.box, options.host),
      hostname: "pop.example",
      caller: { address: "192.0.2.7", port: 4711, listener: options.tls ? "pop3s" : "pop3" },
      tls: options.tls ? tls : undefined,
      trustPlain: options.trustPlain ?? false,
      limits: { ...defaultLimits, ...options.limits },
      clock: this.clock,
      log: silent,
      onOver: () => void this.over++,
    });
    this.session.start();
  }

  send(octets: string | Buffer): void {
    this.socket.events?.data(Buffer.from(octets));
  }

  /** Takes what the server has said so far. */
  async heard(): Promise<string> {
    await settled();
    const out = this.socket.out;
    this.socket.out = "";
    return out;
  }

  async ask(...lines: readonly string[]): Promise<string> {
    this.send(lines.map((line) => `${line}\r\n`).join(""));
    return this.heard();
  }
}

/** A session whose client has logged in. */
export async function loggedIn(options: TalkOptions = {}): Promise<Talk> {
  const talk = new Talk({ tls: true, ...options });
  assert.match(await talk.ask("USER bob", "PASS my secret"), /\+OK \d+ messages .*\r\n$/);
  return talk;
}

/** Lets every promise that is ready have its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Plays a script: `C:` lines are sent, each run of `S:` lines is all that is heard next; `…` stands for any rest. */
export async function converse(script: readonly string[], options: TalkOptions = {}): Promise<Talk> {
  const talk = new Talk(options);
  assert.match(await talk.heard(), /^\+OK pop\.example /);
  for (let i = 0; i < script.length; ) {
    const line = script[i] ?? "";
    if (line.startsWith("C: ")) {
      talk.send(`${line.slice(3)}\r\n`);
      i++;
      continue;
    }
    const heard = (await talk.heard()).split("\r\n").slice(0, -1);
    const wanted: string[] = [];
    for (; script[i]?.startsWith("S: "); i++) wanted.push(script[i]?.slice(3) ?? "");
    assert.ok(wanted.length > 0, `neither C: nor S: in ${line}`);
    assert.equal(
      heard.length,
      wanted.length,
      `heard ${JSON.stringify(heard)}, wanted ${JSON.stringify(wanted)}`,
    );
    for (const [n, want] of wanted.entries()) {
      if (want.endsWith("…"))
        assert.ok(heard[n]?.startsWith(want.slice(0, -1)), `${heard[n]} is not ${want}`);
      else assert.equal(heard[n], want);
    }
  }
  return talk;
}

/** A test that is nothing but a conversation. */
export const plays =
  (script: readonly string[], options: TalkOptions = {}) =>
  async (): Promise<void> => {
    await converse(script, options);
  };
