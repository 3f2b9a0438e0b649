/**
 * The dialogue of one session: which command may come, what it means, what is answered.
 *
 * In:     lines, faults of lines, pieces of messages.
 * Out:    replies and calls to the mailroom; a promise where the mailroom takes its time: until it is settled the
 *         session feeds nothing more.
 * Fails:  rejects (or throws) when the mailroom does; the session answers 451.
 * Spec:   RFC 5321 §3.1, §3.2, §4.1; RFC 3207 (STARTTLS); RFC 4954 (AUTH).
 */
import { decodeBase64 } from "../kit/base64.ts";
import type { SaslExchange, SaslStep } from "../kit/sasl.ts";
import type { Reply } from "../mail/reply.ts";
import type { ClientFacts } from "./client-facts.ts";
import { http, isHeloName, splitCommand, unserved } from "./command.ts";
import { type Desk, whenKnown } from "./desk.ts";
import type { LineFault } from "./lines.ts";
import type { Later, Verdict } from "./mailroom.ts";
import { bare, encodeReply, replies } from "./replies.ts";
import { Transaction } from "./transaction.ts";

const nothing = Buffer.alloc(0);

/** Commands whose arguments anybody may read. */
const open = new Set([
  "EHLO",
  "HELO",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "NOOP",
  "VRFY",
  "QUIT",
  "STARTTLS",
]);

/** What the transcript tells. A line that is no command may be the password of a login that was refused: nothing of it. */
function toldOf(verb: string, argument: string): { readonly verb: string; readonly argument: string } {
  if (open.has(verb)) return { verb, argument };
  return { verb: verb === "AUTH" || verb === "HELP" ? verb : "…", argument: "…" };
}

export class Dialogue {
  readonly transaction: Transaction;
  readonly #desk: Desk;
  readonly #facts: ClientFacts;
  readonly #hostname: string;
  #exchange: SaslExchange<string> | undefined;
  #failedLogins = 0;

  constructor(desk: Desk, facts: ClientFacts, hostname: string) {
    this.#desk = desk;
    this.#facts = facts;
    this.#hostname = hostname;
    this.transaction = new Transaction(desk);
  }

  line(line: string): Later<void> {
    const exchange = this.#exchange;
    if (exchange !== undefined) return this.#desk.timed("AUTH", () => this.#response(exchange, line));
    const { verb, argument } = splitCommand(line);
    this.#desk.log.trace(toldOf(verb, argument), "command");
    return this.#desk.timed(verb, () => this.#command(verb, argument));
  }

  #command(verb: string, argument: string): Later<void> {
    switch (verb) {
      case "MAIL":
        return this.#facts.greeted ? this.transaction.mail(argument) : this.#sequence(replies.heloFirst);
      case "RCPT":
        return this.transaction.rcpt(argument);
      case "DATA":
        return this.transaction.data(argument);
      case "BDAT":
        return this.transaction.bdat(argument);
      case "QUIT":
        return this.#quit(argument);
      case "AUTH":
        return this.#auth(argument);
      default:
        return this.#idleCommand(verb, argument);
    }
  }

  lineFault(fault: LineFault): Later<void> {
    if (this.#exchange !== undefined) this.#endExchange();
    return this.#desk.fault("syntax", fault === "tooLong" ? replies.lineTooLong : replies[fault]);
  }

  /** Commands that bring no mail. */
  #idleCommand(verb: string, argument: string): Later<void> {
    if (this.#desk.idled()) return this.#desk.say(replies.tooManyIdle);
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#helo(argument, verb === "EHLO");
      case "RSET":
        if (argument !== "") return this.#syntax(replies.noArgument);
        this.transaction.reset();
        return this.#desk.say(replies.ok);
      case "NOOP":
        return this.#desk.say(replies.ok);
      case "VRFY":
        return argument === "" ? this.#syntax(replies.vrfySyntax) : this.#desk.say(replies.cannotVerify);
      case "HELP":
        return this.#desk.say(replies.help);
      case "STARTTLS":
        return this.#startTls(argument);
      default:
        return this.#unknown(verb);
    }
  }

  #unknown(verb: string): Later<void> {
    if (http.has(verb)) return this.#desk.say(replies.notHttp);
    if (verb === "") return this.#syntax(replies.empty);
    return this.#desk.fault("unknown", unserved.has(verb) ? replies.notImplemented : replies.unknown);
  }

  #quit(argument: string): Later<void> {
    if (argument !== "") return this.#syntax(replies.noArgument);
    this.#desk.say(replies.bye);
    this.#desk.wire.close("quit");
  }

  /** A greeting forgets the transaction. RFC 5321 §4.1.4 */
  #helo(name: string, extended: boolean): Later<void> {
    if (!isHeloName(name)) return this.#syntax(replies.heloSyntax);
    const desk = this.#desk;
    this.transaction.reset();
    this.#facts.greet(name, extended);
    const verdict: Later<Verdict> = desk.room.helo?.(desk.facts(false));
    return whenKnown(verdict, (answer) => {
      if (answer !== undefined && answer.code >= 400) {
        this.#facts.greet("", false);
        return desk.say(answer);
      }
      if (!extended) return desk.say(bare(250, this.#hostname));
      desk.say(bare(250, [`${this.#hostname} greets ${name}`, ...this.#keywords()].join("\n")));
    });
  }

  #keywords(): string[] {
    const { room, wire } = this.#desk;
    const facts = this.#desk.facts(false);
    const keywords = ["PIPELINING", `SIZE ${room.maxMessageSize}`, "8BITMIME", "SMTPUTF8"];
    keywords.push("ENHANCEDSTATUSCODES", "DSN", "CHUNKING");
    if (wire.startTls !== undefined && this.#facts.tls === undefined) keywords.push("STARTTLS");
    if (this.#facts.tls !== undefined) keywords.push("REQUIRETLS"); // RFC 8689 §2
    // RFC 4954 §4: nothing that would carry a password in the clear is offered.
    const mechanisms = facts.secure && facts.origin.user === undefined ? room.mechanisms(facts) : [];
    if (mechanisms.length > 0) keywords.push(`AUTH ${mechanisms.join(" ")}`);
    return keywords;
  }

  #startTls(argument: string): Later<void> {
    const { wire } = this.#desk;
    if (argument !== "") return this.#syntax(replies.noArgument);
    if (this.#facts.tls !== undefined) return this.#sequence(replies.alreadySecure);
    if (wire.startTls === undefined) return this.#desk.fault("unknown", replies.notImplemented);
    this.transaction.reset();
    this.#desk.say(replies.startTls);
    return wire.startTls().then(
      (tls) => this.#facts.secure(tls),
      (error: unknown) => {
        this.#desk.log.info({ error: String(error) }, "the TLS handshake failed");
        wire.close("TLS handshake failed");
      },
    );
  }

  #auth(argument: string): Later<void> {
    const facts = this.#desk.facts(false);
    if (!this.#facts.greeted) return this.#sequence(replies.heloFirst);
    if (facts.origin.user !== undefined) return this.#sequence(replies.alreadyLoggedIn);
    if (this.transaction.isOpen) return this.#sequence(replies.authInTransaction);
    const [name = "", initial, ...more] = argument.split(/ +/);
    if (name === "" || more.length > 0) return this.#syntax(replies.authSyntax);
    if (!facts.secure) return this.#failLogin(replies.needsTls);
    const offered = this.#desk.room.mechanisms(facts);
    if (offered.length === 0) return this.#desk.fault("unknown", replies.notImplemented);
    const mechanism = name.toUpperCase();
    const exchange = offered.includes(mechanism) ? this.#desk.room.exchange(mechanism, facts) : undefined;
    if (exchange === undefined) return this.#syntax(replies.unknownMechanism);
    return initial === undefined ? this.#next(exchange, undefined) : this.#response(exchange, initial);
  }

  /** `=` is an empty response, `*` cancels. RFC 4954 §4 */
  #response(exchange: SaslExchange<string>, line: string): Later<void> {
    const octets = line === "=" ? nothing : decodeBase64(line);
    if (octets !== undefined) return this.#next(exchange, octets);
    this.#endExchange();
    return this.#syntax(line === "*" ? replies.cancelled : replies.badBase64);
  }

  #next(exchange: SaslExchange<string>, octets: Buffer | undefined): Later<void> {
    return whenKnown(exchange.respond(octets, this.#desk.signal), (step) => this.#step(exchange, step));
  }

  #step(exchange: SaslExchange<string>, step: SaslStep<string>): Later<void> {
    const desk = this.#desk;
    if (step.kind === "challenge") {
      this.#exchange = exchange;
      desk.wire.expectLogin(true);
      return desk.wire.put(encodeReply(bare(334, step.octets.toString("base64"))));
    }
    this.#endExchange();
    if (step.kind === "welcome") {
      this.#facts.login(step.who);
      return desk.say(replies.loggedIn);
    }
    if (step.why === "malformed") return this.#syntax(replies.badCredentials);
    this.#failLogin(desk.room.refusedLogin(step.why));
  }

  #failLogin(reply: Reply): void {
    this.#desk.say(++this.#failedLogins > this.#desk.limits.failedLogins ? replies.tooManyErrors : reply);
  }

  #endExchange(): void {
    this.#exchange = undefined;
    this.#desk.wire.expectLogin(false);
  }

  #syntax(reply: Reply): Later<void> {
    return this.#desk.fault("syntax", reply);
  }

  #sequence(reply: Reply): Later<void> {
    return this.#desk.fault("sequence", reply);
  }
}
