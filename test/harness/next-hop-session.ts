/**
 * One connection of a scripted next hop: a plain, strict state machine. It handles one command after another in the
 * order of arrival, as RFC 2920 demands, however slowly the script answers.
 */
import type net from "node:net";
import tls from "node:tls";
import { type Answer, type Ledger, type Stage, usualExtensions } from "./next-hop-script.ts";

const CRLF = Buffer.from("\r\n");
const END = Buffer.from("\r\n.\r\n");

/** Takes off the dots that a client put in front of dots, line by line. RFC 5321 §4.5.2 */
export function unstuff(stuffed: Buffer): Buffer {
  const lines = stuffed.toString("latin1").split("\r\n");
  return Buffer.from(
    lines.map((line) => (line.startsWith(".") ? line.slice(1) : line)).join("\r\n"),
    "latin1",
  );
}

type Reading =
  | { readonly mode: "commands" | "data" | "auth" }
  | { readonly mode: "bdat"; readonly octets: number; readonly last: boolean };

export class NextHopSession {
  readonly #hop: Ledger;
  readonly #connection: number;
  #socket: net.Socket;
  #encrypted: boolean;
  #buffer: Buffer = Buffer.alloc(0);
  #reading: Reading = { mode: "commands" };
  #working = false;
  #over = false;
  #mail: string | undefined;
  #rcpts: string[] = [];
  #chunks: Buffer[] = [];

  constructor(hop: Ledger, socket: net.Socket, connection: number) {
    this.#hop = hop;
    this.#socket = socket;
    this.#connection = connection;
    this.#encrypted = socket instanceof tls.TLSSocket;
  }

  async start(): Promise<void> {
    await this.#answer("connect", "", `220 hop.example ${this.#hop.script.lmtp ? "LMTP" : "ESMTP"}`);
    if (!this.#over) this.#listen();
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      if (this.#reading.mode === "commands") this.#hop.bursts.push(chunk.toString("latin1"));
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (!this.#over && (await this.#step()));
    this.#working = false;
  }

  /** False: more octets are needed. */
  async #step(): Promise<boolean> {
    if (this.#reading.mode === "data") return this.#readData();
    if (this.#reading.mode === "bdat") return this.#readChunk(this.#reading.octets, this.#reading.last);
    const end = this.#buffer.indexOf(CRLF);
    if (end === -1) return false;
    const line = this.#buffer.toString("utf8", 0, end);
    this.#buffer = this.#buffer.subarray(end + 2);
    if (this.#reading.mode === "auth") return this.#readCredentials(line);
    this.#hop.commands.push(line);
    await this.#command(line);
    return true;
  }

  async #command(line: string): Promise<void> {
    const verb = line.split(/[ :]/)[0]?.toUpperCase();
    switch (verb) {
      case "EHLO":
      case "LHLO":
        return this.#hello(line);
      case "HELO":
        return this.#answer("helo", line, "250 hop.example");
      case "STARTTLS":
        return this.#startTls(line);
      case "AUTH":
        return this.#auth(line);
      case "MAIL":
        return this.#mailFrom(line);
      case "RCPT":
        return this.#rcptTo(line);
      case "DATA":
        return this.#data(line);
      case "BDAT":
        return this.#bdat(line);
      case "RSET":
        this.#forget();
        return this.#answer("rset", line, "250 2.0.0 reset");
      case "QUIT":
        await this.#answer("quit", line, "221 2.0.0 bye");
        this.#end();
        return;
      default:
        return this.#say("500 5.5.2 unknown command");
    }
  }

  async #hello(line: string): Promise<void> {
    this.#forget();
    const { extensions = usualExtensions, tls: secure, lmtp } = this.#hop.script;
    if (extensions === false || line.startsWith("LHLO") !== (lmtp ?? false)) {
      return this.#answer("ehlo", line, "502 5.5.1 not implemented");
    }
    const offered =
      secure && secure.how !== "implicit" && !this.#encrypted ? [...extensions, "STARTTLS"] : extensions;
    const lines = ["hop.example", ...offered];
    return this.#answer(
      "ehlo",
      line,
      lines.map((text, at) => `250${at === lines.length - 1 ? " " : "-"}${text}`).join("\r\n"),
    );
  }

  async #startTls(line: string): Promise<void> {
    const { tls: secure } = this.#hop.script;
    if (!secure) return this.#answer("starttls", line, "502 5.5.1 not implemented");
    if (secure.how === "injecting")
      return this.#answer("starttls", line, "220 ready\r\n250-hop.example\r\n250 AUTH PLAIN");
    await this.#answer("starttls", line, "220 ready");
    if (this.#over) return;
    const plain = this.#socket;
    plain.removeAllListeners("data");
    if (secure.how === "broken") {
      plain.once("data", () => plain.write("this is no handshake\r\n"));
      return;
    }
    this.#socket = new tls.TLSSocket(plain, { isServer: true, ...secure.certificate });
    this.#socket.on("error", () => plain.destroy());
    this.#encrypted = true;
    this.#forget();
    this.#listen();
  }

  async #auth(line: string): Promise<void> {
    if (line.toUpperCase().startsWith("AUTH PLAIN ")) return this.#answer("auth", line, "235 2.7.0 welcome");
    this.#reading = { mode: "auth" };
    this.#chunks = [Buffer.from(line)];
    this.#say("334 VXNlcm5hbWU6");
  }

  async #readCredentials(line: string): Promise<boolean> {
    this.#chunks.push(Buffer.from(line));
    if (this.#chunks.length === 2) this.#say("334 UGFzc3dvcmQ6");
    else {
      this.#reading = { mode: "commands" };
      await this.#answer("auth", this.#chunks.join(" "), "235 2.7.0 welcome");
      this.#chunks = [];
    }
    return true;
  }

  async #mailFrom(line: string): Promise<void> {
    if (this.#mail !== undefined) return this.#say("503 5.5.1 nested MAIL");
    this.#hop.transactions++;
    const code = await this.#answerCode("mail", line, "250 2.1.0 sender ok");
    if (code === "2") this.#mail = line;
  }

  async #rcptTo(line: string): Promise<void> {
    if (this.#mail === undefined) return this.#say("503 5.5.1 MAIL first");
    const code = await this.#answerCode("rcpt", line, "250 2.1.5 recipient ok");
    if (code === "2") this.#rcpts.push(line);
  }

  async #data(line: string): Promise<void> {
    const normal = this.#rcpts.length > 0 ? "354 go ahead" : "503 5.5.1 no valid recipients";
    if ((await this.#answerCode("data", line, normal)) !== "3") return;
    this.#reading = { mode: "data" };
    this.#chunks = [];
    const early = await this.#hop.ask(this.#moment("body", line));
    if (early !== undefined) await this.#carryOut(early);
  }

  async #readData(): Promise<boolean> {
    const lone = this.#buffer.subarray(0, 3).equals(Buffer.from(".\r\n"));
    const end = lone ? 0 : this.#buffer.indexOf(END);
    if (end === -1) return false;
    const octets = lone ? Buffer.alloc(0) : unstuff(this.#buffer.subarray(0, end + 2));
    this.#buffer = this.#buffer.subarray(lone ? 3 : end + END.length);
    await this.#complete(octets, "DATA");
    return true;
  }

  async #bdat(line: string): Promise<void> {
    const [, octets = "0", last] = line.split(" ");
    this.#reading = { mode: "bdat", octets: Number(octets), last: last?.toUpperCase() === "LAST" };
  }

  async #readChunk(octets: number, last: boolean): Promise<boolean> {
    if (this.#buffer.length < octets) return false;
    this.#chunks.push(this.#buffer.subarray(0, octets));
    this.#buffer = this.#buffer.subarray(octets);
    this.#reading = { mode: "commands" };
    // RFC 3030 §2: the octets are taken in any case, then the refusal is spoken.
    if (this.#rcpts.length === 0) {
      this.#chunks = [];
      await this.#answer("bdat", "", "503 5.5.1 no valid recipients");
    } else if (last) await this.#complete(Buffer.concat(this.#chunks), "BDAT");
    else await this.#answer("bdat", "", `250 2.0.0 ${octets} octets received`);
    return true;
  }

  async #complete(octets: Buffer, how: "DATA" | "BDAT"): Promise<void> {
    this.#reading = { mode: "commands" };
    const { lmtp } = this.#hop.script;
    const [mail = "", rcpts] = [this.#mail, this.#rcpts];
    this.#forget();
    let taken = false;
    for (const line of lmtp ? rcpts : ["."]) {
      if (this.#over) return;
      const answer = await this.#hop.ask(this.#moment("dot", line));
      taken ||= answer === undefined || /^2/.test(typeof answer === "string" ? answer : (answer.say ?? ""));
      // Recorded before it is said: who has heard the reply finds the message.
      if (taken && this.#hop.messages.at(-1)?.octets !== octets) {
        this.#hop.messages.push({
          connection: this.#connection,
          encrypted: this.#encrypted,
          mail,
          rcpts,
          octets,
          how,
        });
      }
      await this.#carryOut(answer ?? "250 2.0.0 taken");
      this.#hop.changed();
    }
  }

  #moment(stage: Stage, line: string) {
    return { stage, line, connection: this.#connection, transaction: this.#hop.transactions };
  }

  async #answer(stage: Stage, line: string, normal: string): Promise<void> {
    await this.#answerCode(stage, line, normal);
  }

  /** Answers and returns the first digit of what was said, `""` for nothing. */
  async #answerCode(stage: Stage, line: string, normal: string): Promise<string> {
    const answer = (await this.#hop.ask(this.#moment(stage, line))) ?? normal;
    await this.#carryOut(answer);
    return (typeof answer === "string" ? answer : (answer.say ?? "")).charAt(0);
  }

  async #carryOut(answer: Answer): Promise<void> {
    if (typeof answer === "string") return this.#say(answer);
    if (answer.say !== undefined) this.#say(answer.say);
    this.#over = true;
    if (answer.after === "cut") this.#end();
  }

  #say(lines: string): void {
    if (!this.#over) this.#socket.write(`${lines}\r\n`);
  }

  #end(): void {
    this.#over = true;
    this.#hop.left(this.#connection);
    this.#socket.end();
    this.#socket.resume(); // what still arrives is dropped; the client closes
  }

  #forget(): void {
    this.#mail = undefined;
    this.#rcpts = [];
    this.#chunks = [];
  }
}
