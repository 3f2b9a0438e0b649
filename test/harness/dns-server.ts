/**
 * A DNS server on loopback for tests: UDP and TCP on one port, zones that change at run time, scripted faults, and a
 * record of every question.
 *
 * In:     a `Zone`; faults per name.
 * Out:    the server's address; counters.
 * Spec:   RFC 1035 §4.2, RFC 6891 (payload size), RFC 7766.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import * as packet from "dns-packet";
import { lookUpIn, type Zone } from "./dns-zone.ts";

export type { Zone } from "./dns-zone.ts";

export type Fault =
  /** Answers with this code instead. */
  | { readonly kind: "servfail" | "refused" | "nxdomain" }
  /** Never answers (`on`: only there). */
  | { readonly kind: "silent"; readonly on?: "udp" | "tcp" }
  | { readonly kind: "slow"; readonly ms: number }
  /** UDP answers are cut, TCP ones whole. */
  | { readonly kind: "truncated" }
  /** FORMERR to questions with EDNS. */
  | { readonly kind: "noEdns" }
  /** Aliases are not followed. */
  | { readonly kind: "unchased" }
  /** Without SOA in negative answers. */
  | { readonly kind: "noSoa" }
  /** A forger: these wrong datagrams come first, then (unless `only`) the true answer. */
  | {
      readonly kind: "forged";
      readonly how: "id" | "question" | "case" | "query";
      readonly count?: number;
      readonly only?: boolean;
    }
  /** The octets after the header are noise. */
  | { readonly kind: "malformed" };

export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly over: "udp" | "tcp";
  readonly edns: boolean;
}

const rcodes = { servfail: 2, nxdomain: 3, refused: 5, formerr: 1 } as const;

export async function startDns(zone: Zone = {}, soaTtl = 60): Promise<DnsServer> {
  const tcp = createServer();
  const udp = createSocket("udp4");
  for (let tries = 0; ; tries++) {
    tcp.listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const { port } = tcp.address() as AddressInfo;
    try {
      udp.bind(port, "127.0.0.1");
      await once(udp, "listening");
      return new DnsServer(tcp, udp, port, zone, soaTtl);
    } catch (error) {
      // Someone else holds this port for UDP: take another.
      if (tries === 5) throw error;
      tcp.close();
      await once(tcp, "close");
    }
  }
}

export class DnsServer implements AsyncDisposable {
  readonly host = "127.0.0.1";
  /** It vouches for its answers, as a validating resolver does (AD bit). */
  authentic = false;
  readonly port: number;
  /** Every question, in order of arrival. */
  readonly asked: Asked[] = [];
  readonly #tcp: ReturnType<typeof createServer>;
  readonly #udp: UdpSocket;
  readonly #soaTtl: number;
  readonly #arrivals = new EventEmitter();
  readonly #faults = new Map<string, Fault>();
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #zone: Zone;

  constructor(
    tcp: ReturnType<typeof createServer>,
    udp: UdpSocket,
    port: number,
    zone: Zone,
    soaTtl: number,
  ) {
    this.#tcp = tcp;
    this.#udp = udp;
    this.port = port;
    this.#zone = zone;
    this.#soaTtl = soaTtl;
    udp.on("message", (datagram, from) => this.#onDatagram(datagram, from));
    tcp.on("connection", (socket) => this.#onConnection(socket));
  }

  /** `ADDRESS:PORT`, as `--dns` takes it. */
  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** Replaces every record of `name`; none makes the name disappear. */
  set(name: string, ...records: string[]): void {
    const { [name]: _, ...others } = this.#zone;
    this.#zone = records.length > 0 ? { ...others, [name]: records } : others;
  }

  /** From now on, questions for `name` meet this; `undefined` heals it. `*` is every name. */
  fault(name: string, fault: Fault | undefined): void {
    if (fault) this.#faults.set(name, fault);
    else this.#faults.delete(name);
  }

  /** How many questions came for `name`, of one type or of all. */
  count(name: string, type?: string): number {
    return this.asked.filter((q) => q.name === name && (type === undefined || q.type === type)).length;
  }

  /** Resolves when `total` questions have come since the start. */
  async received(total: number): Promise<void> {
    while (this.asked.length < total) await once(this.#arrivals, "question");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#tcp.listening) return;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    const ended = [once(this.#udp, "close"), once(this.#tcp, "close")];
    this.#udp.close();
    this.#tcp.close();
    await Promise.all(ended);
  }

  #onDatagram(datagram: Buffer, from: RemoteInfo): void {
    this.#serve(datagram, "udp", (reply) => this.#udp.send(reply, from.port, from.address));
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    let buffered = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const end = 2 + buffered.readUInt16BE(0);
        this.#serve(buffered.subarray(2, end), "tcp", (reply) => socket.write(withLength(reply)));
        buffered = buffered.subarray(end);
      }
    });
  }

  #serve(message: Buffer, over: "udp" | "tcp", send: (reply: Buffer) => void): void {
    const query = packet.decode(message);
    const question = query.questions?.[0];
    if (!question) return;
    const opt = query.additionals?.find((record) => record.type === "OPT");
    const name = question.name.toLowerCase();
    this.asked.push({ name, type: question.type, over, edns: opt !== undefined });
    this.#arrivals.emit("question");
    const fault = this.#faults.get(name) ?? this.#faults.get("*");
    if (fault?.kind === "silent" && (fault.on ?? over) === over) return;
    const room = over === "udp" ? (opt?.udpPayloadSize ?? 512) : 65_535;
    const reply = this.#reply(query, question, fault, opt !== undefined, room);
    if (fault?.kind === "forged" && over === "udp") {
      for (const forged of forgeries(query, question, fault)) send(forged);
      if (fault.only) return;
    }
    if (fault?.kind === "slow") this.#later(fault.ms, () => send(reply));
    else send(reply);
  }

  #reply(
    query: packet.Packet,
    question: packet.Question,
    fault: Fault | undefined,
    edns: boolean,
    room: number,
  ): Buffer {
    const head = { type: "response" as const, id: query.id ?? 0, questions: [question] };
    const vouched = this.authentic ? packet.AUTHENTIC_DATA : 0;
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | vouched;
    if (fault?.kind === "noEdns" && edns) return packet.encode({ ...head, flags: flags | rcodes.formerr });
    if (fault && fault.kind in rcodes) {
      return packet.encode({ ...head, flags: flags | rcodes[fault.kind as keyof typeof rcodes] });
    }
    const { rcode, answers, authorities } = lookUpIn(
      this.#zone,
      question,
      this.#soaTtl,
      fault?.kind === "unchased",
    );
    const sections = { answers, authorities: fault?.kind === "noSoa" ? [] : authorities };
    const whole = packet.encode({ ...head, flags: flags | rcode, ...sections });
    if (fault?.kind === "malformed") return noise(whole);
    const cut = whole.length > room || (fault?.kind === "truncated" && room < 65_535);
    return cut ? packet.encode({ ...head, flags: flags | packet.TRUNCATED_RESPONSE }) : whole;
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The header promises an answer; what follows the question is not one. */
function noise(message: Buffer): Buffer {
  const bytes = Buffer.from(message.subarray(0, message.length - 3));
  bytes.writeUInt16BE(9, 6);
  return bytes;
}

/** Datagrams that a blind attacker might send, all pointing at 127.6.6.6. */
function* forgeries(query: packet.Packet, question: packet.Question, fault: Fault & { kind: "forged" }) {
  const evil = (name: string): packet.Answer[] =>
    question.type === "MX"
      ? [{ type: "MX", name, ttl: 9_999, data: { preference: 0, exchange: "evil.test" } }]
      : [{ type: "A", name, ttl: 9_999, data: "127.6.6.6" }];
  const id = query.id ?? 0;
  for (let n = 0; n < (fault.count ?? 1); n++) {
    const wrong = {
      id: { id: (id + n + 1) & 0xffff, name: question.name },
      question: { id, name: `x${question.name}` },
      case: { id, name: swapCase(question.name) },
      query: { id, name: question.name },
    }[fault.how];
    const questions = [{ type: question.type, name: wrong.name }];
    const type = fault.how === "query" ? "query" : "response";
    yield packet.encode({ type, id: wrong.id, questions, answers: evil(wrong.name) });
  }
}

const swapCase = (name: string): string =>
  name.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
