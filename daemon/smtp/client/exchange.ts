/**
 * One mail transaction on a connection: MAIL, RCPT, DATA and the message, in as few round trips as the server allows.
 *
 * In:     a connection that is between transactions, and a transaction.
 * Out:    one outcome per recipient, in order, and whether the server has forgotten the envelope (`ended`).
 * Fails:  only with what reading the body throws (also `BareNewline`): a fault on our side. Whatever the server or the
 *         network does is an outcome.
 * Spec:   RFC 5321 §3.3, §4.2.5; RFC 2920 §3.1 (groups end with DATA); RFC 3030 §4.2 (BDAT in a group); RFC 2033 §4.2 (LMTP: a reply for
 *         each accepted recipient, also when one is named twice).
 */
import type { Outcome, Remote } from "../../mail/outcome.ts";
import { isPositive, type Reply } from "../../mail/reply.ts";
import { bdatLimit, unknownCommand } from "./chunking.ts";
import { mailCommand, rcptCommand } from "./commands.ts";
import { DotStuffer, plainWhole, stuffWhole } from "./dot-stuffing.ts";
import type { Extensions } from "./extensions.ts";
import type { Timeouts } from "./limits.ts";
import { type EightBit, preflight, type Transaction } from "./preflight.ts";
import { outcomeOf, rcptReply } from "./verdict.ts";
import { type Wire, WireLost } from "./wire.ts";
import { lossReply } from "./words.ts";

/** What stays the same for all transactions of a connection. */
export interface Peer {
  readonly wire: Wire;
  readonly remote: Remote;
  readonly extensions: Extensions;
  readonly timeouts: Timeouts;
  readonly lmtp: boolean;
  readonly eightBit: EightBit;
  /** The server offers CHUNKING and has not belied it. */
  readonly chunking: boolean;
  /** Called when it does. */
  readonly onChunkingBroken: () => void;
}

type Body =
  | { readonly kind: "chunk"; readonly octets: Buffer }
  | { readonly kind: "whole"; readonly octets: Buffer }
  | { readonly kind: "stream"; readonly pieces: AsyncIterable<Uint8Array> };
type DataBody = Exclude<Body, { kind: "chunk" }>;

const stages = {
  rset: "while waiting for the reply to RSET",
  mail: "while waiting for the reply to MAIL",
  rcpt: "while waiting for the reply to RCPT",
  data: "while waiting for the reply to DATA",
  body: "while sending the message",
  dot: "after the message was sent (it may have been delivered)",
} as const;

const loneDot = Buffer.from(".\r\n");

/** `chunk` goes out behind BDAT, the others behind DATA. */
function prepare({ chunking, extensions, lmtp }: Peer, transaction: Transaction): Body {
  const body = transaction.body();
  if (!(body instanceof Uint8Array)) return { kind: "stream", pieces: body };
  const bdat = chunking && extensions.pipelining && !lmtp && body.length <= bdatLimit;
  return bdat ? { kind: "chunk", octets: plainWhole(body) } : { kind: "whole", octets: stuffWhole(body) };
}

export class Exchange {
  readonly #peer: Peer;
  readonly #transaction: Transaction;
  readonly #outcomes: (Outcome | undefined)[];
  /** Recipients that are tried, those that were accepted so far: indexes. */
  readonly #tried: number[] = [];
  readonly #accepted: number[] = [];
  #stage: string = stages.mail;
  #ended = false;
  #heard = false;

  constructor(peer: Peer, transaction: Transaction) {
    this.#peer = peer;
    this.#transaction = transaction;
    this.#outcomes = transaction.recipients.map(() => undefined);
  }

  /** The server holds nothing of the transaction: the next may start without RSET. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The server has answered something other than 421. */
  get heard(): boolean {
    return this.#heard;
  }

  /** `resetFirst`: the transaction before this one was left open. */
  async run(resetFirst: boolean): Promise<readonly Outcome[]> {
    const { extensions, eightBit } = this.#peer;
    const planned = preflight(this.#transaction, extensions, eightBit);
    const plan = planned instanceof Promise ? await planned : planned;
    for (const [index, refusal] of plan.refusals.entries()) {
      if (refusal) this.#settle(index, refusal);
      else this.#tried.push(index);
    }
    if (this.#tried.length === 0) this.#ended = !resetFirst;
    else await this.#converse(resetFirst, plan.utf8);
    return this.#outcomes.map((outcome) => outcome ?? this.#undecided());
  }

  async #converse(resetFirst: boolean, utf8: boolean): Promise<void> {
    const { sender, size } = this.#transaction;
    // Before MAIL: a message that must not leave costs neither a transaction nor the connection.
    const body = prepare(this.#peer, this.#transaction);
    const mail = mailCommand(sender, this.#peer.extensions, { size, utf8 });
    try {
      if (body.kind === "chunk") await this.#inOneWrite(resetFirst, mail, body.octets);
      else if (this.#peer.extensions.pipelining) await this.#inOneGroup(resetFirst, mail, body);
      else await this.#stepByStep(resetFirst, mail, body);
    } catch (error) {
      if (error instanceof WireLost) return; // `#undecided` finds the words
      this.#peer.wire.fail(new WireLost("aborted", "the message could not be read"));
      throw error;
    }
  }

  /** RFC 3030 §4.2: envelope and message at once; for nobody's message the server says 503 and forgets the octets. */
  async #inOneWrite(resetFirst: boolean, mail: string, octets: Buffer): Promise<void> {
    const { wire, timeouts, onChunkingBroken } = this.#peer;
    const last = `BDAT ${octets.length} LAST\r\n`;
    wire.commandWith(octets, this.#envelope(resetFirst, mail) + last, this.#owed(resetFirst) + 1);
    await this.#hearEnvelope(resetFirst);
    const answer = await this.#hear("dot", timeouts.finalDot);
    if (this.#accepted.length === 0) return;
    if (unknownCommand(answer)) {
      onChunkingBroken();
      this.#outOfStep(answer);
    }
    this.#settleAll(this.#accepted, answer);
    this.#ended = isPositive(answer); // after a refused BDAT only RSET makes a new start
  }

  /** RFC 2920 §3.1: everything up to DATA in one write. The message waits for 354, else it might be read as commands. */
  async #inOneGroup(resetFirst: boolean, mail: string, body: DataBody): Promise<void> {
    this.#peer.wire.command(`${this.#envelope(resetFirst, mail)}DATA\r\n`, this.#owed(resetFirst) + 2);
    await this.#hearEnvelope(resetFirst);
    await this.#afterData(body);
  }

  #envelope(resetFirst: boolean, mail: string): string {
    let lines = resetFirst ? `RSET\r\n${mail}` : mail;
    for (const index of this.#tried) lines += this.#rcptLine(index);
    return lines;
  }

  /** Replies to the envelope. */
  #owed(resetFirst: boolean): number {
    return (resetFirst ? 2 : 1) + this.#tried.length;
  }

  async #hearEnvelope(resetFirst: boolean): Promise<void> {
    const { timeouts } = this.#peer;
    if (resetFirst) await this.#hearReset();
    const sender = await this.#hear("mail", timeouts.mail);
    if (!this.#taken(sender)) this.#settleAll(this.#tried, sender);
    for (const index of this.#tried) {
      const answer = await this.#hear("rcpt", timeouts.rcpt);
      if (isPositive(sender)) this.#recipient(index, answer);
    }
  }

  /** RFC 5321 §3.3 for servers without PIPELINING. */
  async #stepByStep(resetFirst: boolean, mail: string, body: DataBody): Promise<void> {
    const { wire, timeouts } = this.#peer;
    if (resetFirst) {
      wire.command("RSET\r\n", 1);
      await this.#hearReset();
    }
    wire.command(mail, 1);
    const sender = await this.#hear("mail", timeouts.mail);
    if (!this.#taken(sender)) return this.#settleAll(this.#tried, sender);
    for (const index of this.#tried) {
      wire.command(this.#rcptLine(index), 1);
      this.#recipient(index, await this.#hear("rcpt", timeouts.rcpt));
    }
    if (this.#accepted.length === 0) return;
    wire.command("DATA\r\n", 2);
    await this.#afterData(body);
  }

  /** DATA gets two replies, unless the first is a refusal; some servers give both at once. */
  async #afterData(body: DataBody): Promise<void> {
    const go = await this.#hear("data", this.#peer.timeouts.dataInit);
    if (go.code === 354) {
      if (this.#accepted.length > 0) await this.#message(body);
      else await this.#takeBack();
    } else {
      if (this.#taken(go)) this.#outOfStep(go);
      this.#settleAll(this.#accepted, go);
      this.#peer.wire.excuse();
    }
  }

  /** RFC 2920 §3.1: DATA was accepted though no recipient was; the server gets an empty message for nobody. */
  async #takeBack(): Promise<void> {
    const { wire, timeouts, lmtp } = this.#peer;
    // RFC 2033 §4.2 forbids this 354; how many replies would follow is anyone's guess.
    if (lmtp) return wire.fail(new WireLost("protocol", "354 without a recipient"));
    wire.write(loneDot);
    await this.#hear("dot", timeouts.finalDot);
    this.#ended = true;
  }

  async #message(body: DataBody): Promise<void> {
    const { wire, timeouts, lmtp } = this.#peer;
    this.#stage = stages.body;
    if (lmtp) wire.expect(this.#accepted.length - 1);
    if (body.kind === "whole") wire.write(body.octets);
    else if (!(await this.#stream(body.pieces))) return this.#refusedEarly();
    for (const index of this.#accepted) {
      const answer = await this.#hear("dot", timeouts.finalDot);
      if (!lmtp) {
        this.#settleAll(this.#accepted, answer);
        break;
      }
      this.#settle(index, answer);
    }
    this.#ended = true;
  }

  /** False: the server answered before the end. */
  async #stream(pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
    const { wire, timeouts } = this.#peer;
    const stuffer = new DotStuffer();
    for await (const piece of pieces) {
      if (!wire.write(stuffer.push(piece))) await wire.drained(timeouts.dataBlock);
      if (wire.answered) return false;
      if (wire.lost) throw wire.lost;
    }
    wire.write(stuffer.end());
    return true;
  }

  /** The server refused while we were sending. There is no way to stop a DATA but to leave. */
  async #refusedEarly(): Promise<void> {
    const answer = await this.#hear("body", 0);
    if (answer.code < 400) this.#outOfStep(answer);
    this.#settleAll(this.#accepted, answer);
    this.#peer.wire.fail(new WireLost("aborted", "the server refused the message before its end"));
  }

  async #hear(stage: keyof typeof stages, limit: number): Promise<Reply> {
    this.#stage = stages[stage];
    const { wire } = this.#peer;
    const answer = wire.take() ?? (await wire.next(limit));
    if (answer.code === 421) throw this.#leave(new WireLost("closing", answer.text, { reply: answer }));
    this.#heard = true;
    return answer;
  }

  async #hearReset(): Promise<void> {
    const answer = await this.#hear("rset", this.#peer.timeouts.command);
    if (!isPositive(answer)) this.#outOfStep(answer);
  }

  /** True for 2yz, false for a refusal; anything else is out of step. */
  #taken(answer: Reply): boolean {
    if (answer.code >= 300 && answer.code < 400) this.#outOfStep(answer);
    return isPositive(answer);
  }

  #recipient(index: number, answer: Reply): void {
    if (this.#taken(answer)) this.#accepted.push(index);
    else this.#settle(index, rcptReply(answer, this.#accepted.length));
  }

  #rcptLine(index: number): string {
    const recipient = this.#transaction.recipients[index];
    return recipient ? rcptCommand(recipient, this.#peer.extensions) : "";
  }

  #settleAll(indexes: readonly number[], answer: Reply): void {
    for (const index of indexes) this.#settle(index, answer);
  }

  #settle(index: number, answer: Reply): void {
    this.#outcomes[index] = outcomeOf(answer, this.#peer) ?? this.#outOfStep(answer);
  }

  #undecided(): Outcome {
    const { wire, remote } = this.#peer;
    const loss = wire.lost ?? new WireLost("protocol", "no reply");
    return { kind: "deferred", reply: lossReply(loss, remote, this.#stage), remote };
  }

  #outOfStep(answer: Reply): never {
    throw this.#leave(
      new WireLost("protocol", `unexpected reply ${answer.code} ${answer.text}`, { reply: answer }),
    );
  }

  #leave(loss: WireLost): WireLost {
    this.#peer.wire.fail(loss);
    return loss;
  }
}
