/**
 * An SMTP session in memory: a scripted client on one side, a mailroom that records on the other.
 *
 * `converse` plays lines such as `C: EHLO a.example` and `S: 250`; an `S:` line matches a reply's start.
 */
import assert from "node:assert/strict";
import type { Logins } from "../../daemon/auth/login.ts";
import { login, plain } from "../../daemon/auth/sasl/passwords.ts";
import type { MailboxEntry } from "../../daemon/directory/directory.ts";
import type { TlsFacts } from "../../daemon/kit/client-socket.ts";
import { type Log, silent } from "../../daemon/kit/log.ts";
import { mapped } from "../../daemon/kit/sasl.ts";
import { type Reply, reply } from "../../daemon/mail/reply.ts";
import { defaultLimits, type SmtpLimits } from "../../daemon/smtp/limits.ts";
import type { Caller, Mailroom, MailroomSession, MessageSink } from "../../daemon/smtp/mailroom.ts";
import { Session } from "../../daemon/smtp/session.ts";
import { FakeClock } from "./fake-clock.ts";
import { clientAt } from "./logins.ts";
import { MemorySocket } from "./memory-socket.ts";

/** A message as the mailroom got it. */
export interface Taken {
  readonly octets: string;
  readonly end: "complete" | "aborted";
}

export interface Recorder extends Mailroom {
  readonly calls: string[];
  readonly messages: Taken[];
}

const nameOf = ({ mailbox }: MailboxEntry): string => mailbox;

/** Whoever knows the word is welcome. */
const anyBob: Pick<Logins, "check"> = {
  check: async ({ name, password }) =>
    password === "secret"
      ? { kind: "welcome", mailbox: { mailbox: name.toLowerCase() } as MailboxEntry }
      : { kind: "wrong" },
};

/** A mailroom that welcomes everything, but for what `over` says. */
export function recorder(over: Partial<MailroomSession> = {}, pregreetMs = 0): Recorder {
  const calls: string[] = [];
  const messages: Taken[] = [];
  const session: MailroomSession = {
    maxMessageSize: 10_000,
    maxRecipients: 3,
    lineEnds: () => "Refuse",
    mechanisms: (facts) => (facts.secure ? ["PLAIN", "LOGIN"] : []),
    exchange: (mechanism) => mapped((mechanism === "PLAIN" ? plain : login)(anyBob, clientAt()), nameOf),
    refusedLogin: () => reply(535, "5.7.8", "Wrong name or password"),
    mail: (sender) => void calls.push(`mail ${JSON.stringify(sender)}`),
    rcpt: (recipient) => void calls.push(`rcpt ${JSON.stringify(recipient)}`),
    open: () => collect(messages),
    reset: () => void calls.push("reset"),
    close: () => void calls.push("close"),
    ...over,
  };
  return { calls, messages, open: () => ({ kind: "welcome", session, pregreetMs }) };
}

/** A sink that keeps what it gets; `later`: each write and the end answer in a later turn. */
export function collect(
  messages: Taken[],
  later = false,
  answer = reply(250, "2.0.0", "queued"),
): MessageSink {
  const parts: Buffer[] = [];
  const octets = () => Buffer.concat(parts).toString("latin1");
  return {
    write: (piece) => {
      parts.push(Buffer.from(piece));
      return later ? new Promise((resolve) => setImmediate(resolve)) : undefined;
    },
    end: async () => {
      messages.push({ octets: octets(), end: "complete" });
      return answer;
    },
    abort: () => void messages.push({ octets: octets(), end: "aborted" }),
  };
}

export interface TalkOptions {
  readonly mailroom?: Mailroom;
  readonly limits?: Partial<SmtpLimits>;
  readonly tls?: TlsFacts;
  readonly startTls?: boolean;
  readonly trustPlain?: boolean;
  readonly listener?: Caller["listener"];
  readonly log?: Log;
}

/** One session and its client. */
export class Talk {
  readonly socket = new MemorySocket((text) =>
    assert.match(text, /^(?:[ -~]{3,510}\r\n)+$/, "replies are ASCII lines of at most 512 octets"),
  );
  readonly clock = new FakeClock();
  readonly session: Session;
  over = 0;

  constructor(options: TalkOptions = {}) {
    if (options.startTls) this.socket.startTls = async () => ({ protocol: "TLSv1.3", cipher: "TEST" });
    this.session = new Session(this.socket, {
      mailroom: options.mailroom ?? recorder(),
      hostname: "mx.example",
      caller: {
        address: "192.0.2.7",
        port: 4711,
        listener: options.listener ?? "smtp",
        tls: options.tls !== undefined,
      },
      tls: options.tls,
      trustPlain: options.trustPlain ?? false,
      limits: { ...defaultLimits, ...options.limits },
      clock: this.clock,
      log: options.log ?? silent,
      events: {},
      onOver: () => void this.over++,
    });
    this.session.start();
  }

  /** Sends octets; text goes as UTF-8. */
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

  /** Sends a command and returns the reply to it. */
  async ask(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.heard();
  }
}

/** Lets every promise that is ready have its turn. */
export const settled = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Plays a script: `C:` lines are sent, each run of `S:` lines is what is heard next, in full. */
export async function converse(script: readonly string[], options: TalkOptions = {}): Promise<Talk> {
  const talk = new Talk(options);
  assert.match(await talk.heard(), /^220 mx\.example /);
  for (let i = 0; i < script.length; ) {
    const line = script[i] ?? "";
    if (line.startsWith("C: ")) {
      talk.send(`${line.slice(3)}\r\n`);
      i++;
      continue;
    }
    const heard = finalLines(await talk.heard());
    const wanted: string[] = [];
    for (; script[i]?.startsWith("S: "); i++) wanted.push(script[i]?.slice(3) ?? "");
    assert.ok(wanted.length > 0, `neither C: nor S: in ${line}`);
    const story = `heard ${JSON.stringify(heard)}, wanted ${JSON.stringify(wanted)} in ${script.join(" / ")}`;
    assert.equal(heard.length, wanted.length, story);
    for (const [n, want] of wanted.entries()) assert.ok(heard[n]?.startsWith(want), story);
  }
  return talk;
}

/** A test that is nothing but a conversation. */
export const plays =
  (script: readonly string[], options: TalkOptions = {}) =>
  async (): Promise<void> => {
    await converse(script, options);
  };

/** The last line of each reply. */
const finalLines = (text: string): string[] => text.split("\r\n").filter((line) => /^\d{3} /.test(line));

export const codes = (text: string): number[] => finalLines(text).map((line) => Number(line.slice(0, 3)));

export const refusal = (code: number, enhanced: string): Reply => reply(code, enhanced, "no");
