/**
 * A mailroom over a memory queue, and a client that talks to its sessions as the SMTP engine does.
 */
import type { Accepted, MailroomParts } from "../../daemon/accept/desk.ts";
import { type OpenMailroom, openMailroom } from "../../daemon/accept/mailroom.ts";
import type { VerifyPassword } from "../../daemon/auth/login.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Address } from "../../daemon/mail/address.ts";
import type { Recipient, Sender } from "../../daemon/mail/envelope.ts";
import type { Reply } from "../../daemon/mail/reply.ts";
import type { Job, Queued } from "../../daemon/queue/job.ts";
import { MemoryQueue } from "../../daemon/queue/memory.ts";
import type { Caller, MailroomSession, MessageSink, SessionFacts } from "../../daemon/smtp/mailroom.ts";
import { liveOf, type Resources } from "./directory.ts";
import { FakeClock } from "./fake-clock.ts";
import { fitsHash, loginsOf } from "./logins.ts";

export interface Room extends Disposable {
  readonly mailroom: OpenMailroom;
  readonly clock: FakeClock;
  readonly queue: MemoryQueue;
  readonly live: ReturnType<typeof liveOf>;
  readonly accepted: Accepted[];
  connect(over?: Partial<Caller>): Promise<Client>;
  queued(): Promise<readonly Queued[]>;
  jobs(): Promise<readonly Job[]>;
  /** The octets of the first job's body. */
  text(): Promise<string>;
}

export function openRoom(
  resources: Resources,
  { verify = fitsHash, ...over }: Partial<MailroomParts> & { readonly verify?: VerifyPassword } = {},
): Room {
  const clock = new FakeClock();
  const queue = new MemoryQueue(clock);
  const live = liveOf(resources);
  const accepted: Accepted[] = [];
  const { sasl } = loginsOf(live, { clock, verify });
  const mailroom = openMailroom({
    live,
    queue,
    clock,
    sasl,
    statusOf: async () => undefined,
    hostname: "mx.example.test",
    log: silent,
    laptop: false,
    accepted: (event) => void accepted.push(event),
    ...over,
  });
  const queued = () => all(queue.list());
  return {
    mailroom,
    clock,
    queue,
    live,
    accepted,
    queued,
    jobs: async () => (await queued()).map(({ job }) => job),
    text: async () => {
      const [first] = await queued();
      if (!first) return "";
      return Buffer.concat(await all(queue.body(first))).toString();
    },
    connect: async (partial = {}) => {
      const caller: Caller = { address: "192.0.2.1", port: 1025, listener: "smtp", tls: false, ...partial };
      const welcome = await mailroom.open(caller, new AbortController().signal);
      if (welcome.kind === "refused") throw new Error(welcome.reply.text);
      return new Client(welcome.session, caller, welcome.pregreetMs);
    },
    [Symbol.dispose]: () => mailroom[Symbol.dispose](),
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const ok = "250";
const said = (reply: Reply | undefined) => (reply ? `${reply.code} ${reply.enhanced}` : ok);

/** Answers are `250` for silence, else code and enhanced code. */
export class Client {
  readonly session: MailroomSession;
  readonly pregreetMs: number;
  facts: SessionFacts;
  readonly #stop = new AbortController();

  constructor(session: MailroomSession, caller: Caller, pregreetMs: number) {
    this.session = session;
    this.pregreetMs = pregreetMs;
    this.facts = {
      origin: { client: caller.address, helo: "client.example", protocol: "ESMTP" },
      secure: caller.tls,
    };
  }

  async login(name: string, password: string, identity = ""): Promise<string> {
    const exchange = this.session.exchange("PLAIN", this.facts);
    if (exchange === undefined) throw new Error("PLAIN is not offered");
    const login = Buffer.from(`${identity}\0${name}\0${password}`);
    const step = await exchange.respond(login, this.#stop.signal);
    if (step.kind === "refused") return said(this.session.refusedLogin(step.why));
    if (step.kind === "challenge") throw new Error("PLAIN asks once");
    const origin = { ...this.facts.origin, user: step.who, protocol: "ESMTPA" } as const;
    this.facts = { ...this.facts, origin };
    return "235";
  }

  async mail(from: string, over: Partial<Sender> & { size?: number } = {}): Promise<string> {
    const sender = { path: from as Address | "", body: "7BIT", smtputf8: false, ...over } as const;
    return said(await this.session.mail(sender, this.facts, this.#stop.signal));
  }

  async rcpt(to: string, over: Partial<Recipient> = {}): Promise<string> {
    return said(await this.session.rcpt({ address: to as Address, ...over }, this.facts, this.#stop.signal));
  }

  async open(): Promise<MessageSink | string> {
    const sink = await this.session.open(this.facts, this.#stop.signal);
    return "code" in sink ? said(sink) : sink;
  }

  /** DATA: the reply after the dot, or the one that refused it. */
  async data(...parts: readonly (string | Uint8Array)[]): Promise<string> {
    const sink = await this.open();
    if (typeof sink === "string") return sink;
    for (const part of parts) await sink.write(Buffer.from(part));
    const reply = await sink.end();
    this.session.reset();
    return said(reply);
  }

  /** A whole transaction: the first refusal, or the reply after the dot. */
  async send(from: string, to: string | readonly string[], ...parts: readonly string[]): Promise<string> {
    const mail = await this.mail(from);
    if (mail !== ok) return mail;
    for (const address of [to].flat()) {
      const rcpt = await this.rcpt(address);
      if (rcpt !== ok) {
        this.session.reset();
        return rcpt;
      }
    }
    return this.data(...(parts.length === 0 ? ["Subject: hi\r\n\r\nhello\r\n"] : parts));
  }
}
