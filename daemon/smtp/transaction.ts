/**
 * The mail transaction: MAIL, RCPT, DATA, BDAT, RSET, and the message that follows.
 *
 * In:     arguments of commands, then pieces of a message.
 * Out:    replies, and calls to the mailroom in the order that RFC 5321 §3.3 gives.
 * Fails:  503 out of order; a mailroom that throws leaves the state as it was and is answered by the session.
 * Spec:   RFC 5321 §3.3, §4.1.1, §4.1.4; RFC 1870 (SIZE); RFC 3030 (CHUNKING); RFC 6531 §3.5.
 */
import { isAscii } from "../kit/ascii.ts";
import { parseForwardPath, parseReversePath } from "../mail/address.ts";
import { isPositive, type Reply } from "../mail/reply.ts";
import { parseBdat, parsePathArgument } from "./command.ts";
import { type Desk, whenKnown } from "./desk.ts";
import { Incoming } from "./incoming.ts";
import type { Later, MessageSink, Verdict } from "./mailroom.ts";
import { parseMailParameters, parseRcptParameters } from "./parameters.ts";
import { replies } from "./replies.ts";

type State =
  | { readonly at: "idle" }
  | { readonly at: "mail"; readonly utf8: boolean; accepted: number; refused: number }
  /** A message arrives after DATA. */
  | { readonly at: "data"; readonly incoming: Incoming }
  /** A message arrives by BDAT; between two of them, or within one. */
  | { readonly at: "chunks"; readonly incoming: Incoming; readonly last: boolean; readonly chunk: number }
  /** A BDAT failed: only RSET helps. RFC 3030 §3 */
  | { readonly at: "failed" };

const idle: State = { at: "idle" };

/** What to answer once the chunk that follows a refused BDAT has been read past. */
type Skipped = { readonly kind: "disorder" | "refusal"; readonly reply: Reply };

export class Transaction {
  readonly #desk: Desk;
  #state: State = idle;
  #skipped: Skipped | undefined;
  /** The last MAIL was refused: what a client pipelined after it is out of order through no fault of its own. */
  #mailRefused = false;
  #refusedInAll = 0;
  /** The mailroom is making the message durable; its fate no longer hangs on the connection. */
  isEnding = false;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  get isOpen(): boolean {
    return this.#state.at !== "idle";
  }

  /** Forgets the envelope. RFC 5321 §4.1.1.5 */
  reset(): void {
    this.abandon();
    this.#desk.room.reset();
  }

  /** Forgets the envelope and what came of the message, without word to the mailroom's session. */
  abandon(): void {
    const state = this.#state;
    this.#state = idle;
    this.#skipped = undefined;
    if (state.at === "data" || state.at === "chunks") state.incoming.abort();
  }

  mail(argument: string): Later<void> {
    const desk = this.#desk;
    if (this.#state.at !== "idle") return desk.fault("sequence", replies.nestedMail);
    const parsed = parsePathArgument("FROM:", argument);
    if (parsed === undefined) return desk.fault("syntax", replies.mailSyntax);
    const path = parseReversePath(parsed.inside);
    if (path === undefined) return desk.fault("syntax", replies.badSender);
    const encrypted = desk.facts(false).origin.tls !== undefined;
    const options = parseMailParameters(parsed.parameters, () => this.#mayNameSubmitter(), encrypted);
    if ("code" in options) return desk.fault("syntax", options);
    if (!options.smtputf8 && !isAscii(parsed.inside)) return this.#refuseMail(replies.utf8Sender);
    const limit = desk.room.maxMessageSize;
    if ((options.size ?? 0) > limit) return this.#refuseMail(replies.tooLarge(limit)); // RFC 1870 §6.1
    this.#mailRefused = true; // until the mailroom says otherwise: it may also throw
    const verdict = desk.room.mail({ path, ...options }, desk.facts(options.smtputf8), desk.signal);
    return whenKnown(verdict, (answer) => {
      if (isRefusal(answer)) return this.#refuseMail(answer);
      this.#mailRefused = false;
      this.#state = { at: "mail", utf8: options.smtputf8, accepted: 0, refused: 0 };
      desk.say(answer ?? replies.senderOk);
    });
  }

  rcpt(argument: string): Later<void> {
    const desk = this.#desk;
    const state = this.#state;
    if (state.at !== "mail") return this.#outOfOrder(this.#misplaced(replies.mailFirst));
    const parsed = parsePathArgument("TO:", argument);
    if (parsed === undefined) return desk.fault("syntax", replies.rcptSyntax);
    const address = parseForwardPath(parsed.inside);
    if (address === undefined) return desk.fault("syntax", replies.badRecipient);
    const options = parseRcptParameters(parsed.parameters);
    if ("code" in options) return desk.fault("syntax", options);
    if (!state.utf8 && !isAscii(parsed.inside)) return desk.say(replies.utf8Recipient);
    if (state.accepted >= desk.room.maxRecipients) return this.#refuseRcpt(state, replies.tooManyRecipients);
    const verdict = desk.room.rcpt({ address, ...options }, desk.facts(state.utf8), desk.signal);
    return whenKnown(verdict, (answer) => {
      if (isRefusal(answer)) return this.#refuseRcpt(state, answer);
      state.accepted++;
      desk.say(answer ?? replies.recipientOk);
    });
  }

  data(argument: string): Later<void> {
    const desk = this.#desk;
    const state = this.#state;
    if (argument !== "") return desk.fault("syntax", replies.noArgument);
    const missing = this.#notReady();
    if (missing !== undefined || state.at !== "mail") return this.#outOfOrder(missing ?? replies.mailFirst);
    return whenKnown(this.#openSink(state.utf8), (sink) => {
      if (!("write" in sink)) return desk.say(sink);
      this.#state = { at: "data", incoming: this.#incoming(sink) };
      desk.say(replies.goAhead);
      desk.wire.expectMessage();
    });
  }

  /** The octets follow the command in any case, so they are read even when it is refused. RFC 3030 §2 */
  bdat(argument: string): Later<void> {
    const desk = this.#desk;
    const state = this.#state;
    const chunk = parseBdat(argument);
    if (chunk === undefined) {
      return whenKnown(desk.fault("syntax", replies.bdatSyntax), () => desk.wire.close("malformed BDAT"));
    }
    if (state.at === "chunks") return this.#take(state.incoming, chunk);
    const missing = this.#notReady();
    if (missing !== undefined || state.at !== "mail")
      return this.#skip("disorder", missing ?? replies.mailFirst, chunk.size);
    return whenKnown(this.#openSink(state.utf8), (sink) => {
      if ("write" in sink) return this.#take(this.#incoming(sink), chunk);
      this.#state = { at: "failed" };
      return this.#skip("refusal", sink, chunk.size);
    });
  }

  /** A piece of the message. */
  octets(piece: Buffer): Later<void> {
    const state = this.#state;
    if (state.at !== "data" && state.at !== "chunks") return;
    const incoming = state.incoming;
    const later = incoming.write(piece);
    // Reading past a little too much spares the client a lost reply; reading on without end serves nobody.
    if (incoming.size > this.#readable) this.#cutOff();
    return later;
  }

  /** CRLF.CRLF was read. */
  endOfMessage(): Later<void> {
    if (this.#state.at === "data") return this.#complete(this.#state.incoming);
  }

  /** All octets of a BDAT were read. */
  endOfChunk(): Later<void> {
    const state = this.#state;
    const skipped = this.#skipped;
    this.#skipped = undefined;
    if (skipped?.kind === "disorder") return this.#outOfOrder(skipped.reply);
    if (skipped !== undefined) return this.#desk.say(skipped.reply);
    if (state.at !== "chunks") return;
    if (state.last) return this.#complete(state.incoming);
    const refusal = state.incoming.refusal;
    if (refusal !== undefined) this.#state = { at: "failed" };
    this.#desk.say(refusal ?? { ...replies.ok, text: `${state.chunk} octets received` });
  }

  get #readable(): number {
    return this.#desk.room.maxMessageSize * this.#desk.limits.oversizeFactor;
  }

  /** Never rejects: what follows BDAT must be read past in any case. */
  #openSink(utf8: boolean): Later<MessageSink | Reply> {
    const { room, signal } = this.#desk;
    try {
      const sink = room.open(this.#desk.facts(utf8), signal);
      return sink instanceof Promise ? sink.catch((error) => this.#desk.failed(error)) : sink;
    } catch (error) {
      return this.#desk.failed(error);
    }
  }

  #incoming(sink: MessageSink): Incoming {
    const { room } = this.#desk;
    const failed = (error: unknown) => this.#desk.failed(error);
    return new Incoming(sink, { limit: room.maxMessageSize, lineEnds: room.lineEnds(), failed });
  }

  #take(incoming: Incoming, { size, last }: { size: number; last: boolean }): void {
    this.#state = { at: "chunks", incoming, last, chunk: size };
    if (incoming.size + size > this.#readable) this.#cutOff();
    else this.#desk.wire.expectChunk(size);
  }

  #skip(kind: Skipped["kind"], reply: Reply, size: number): void {
    this.#skipped = { kind, reply };
    if (size > this.#readable) this.#cutOff();
    else this.#desk.wire.expectChunk(size);
  }

  #cutOff(): void {
    this.#desk.say(replies.tooLarge(this.#desk.room.maxMessageSize));
    this.#desk.wire.close("message far beyond the limit");
  }

  #complete(incoming: Incoming): Later<void> {
    this.isEnding = true;
    return whenKnown(this.#settled(incoming), (reply) => {
      this.isEnding = false;
      this.#state = idle;
      this.#desk.room.reset();
      if (isPositive(reply)) this.#desk.received(incoming.size);
      this.#desk.say(reply);
    });
  }

  /** Never rejects: a transaction ends whatever becomes of its message. */
  #settled(incoming: Incoming): Later<Reply> {
    try {
      const reply = incoming.finish();
      return reply instanceof Promise ? reply.catch((error) => this.#desk.failed(error)) : reply;
    } catch (error) {
      return this.#desk.failed(error);
    }
  }

  #refuseMail(reply: Reply): void {
    this.#mailRefused = true;
    this.#desk.say(reply);
  }

  #refuseRcpt(state: { refused: number }, reply: Reply): void {
    state.refused++;
    const tooMany = ++this.#refusedInAll > this.#desk.limits.refusedRecipients;
    this.#desk.say(tooMany ? replies.tooManyErrors : reply);
  }

  /** Why no message may come now, or `undefined`. */
  #notReady(): Reply | undefined {
    const state = this.#state;
    if (state.at !== "mail") return this.#misplaced(replies.mailFirst);
    if (state.accepted > 0) return undefined;
    return state.refused > 0 ? replies.noRecipients : replies.rcptFirst;
  }

  #outOfOrder(reply: Reply): Later<void> {
    if (this.#mailRefused || reply === replies.noRecipients) return this.#desk.say(reply);
    return this.#desk.fault("sequence", reply);
  }

  #mayNameSubmitter(): boolean {
    const facts = this.#desk.facts(false);
    return facts.origin.user !== undefined || this.#desk.room.mechanisms(facts).length > 0;
  }

  #misplaced(otherwise: Reply): Reply {
    if (this.#state.at === "chunks") return replies.chunksOpen;
    return this.#state.at === "failed" ? replies.chunksFailed : otherwise;
  }
}

const isRefusal = (verdict: Verdict): verdict is Reply => verdict !== undefined && verdict.code >= 400;
