/**
 * A message between DATA and the queue, as far as the session knows it: its id, what goes in front of it, what would
 * refuse it, and its jobs.
 *
 * Spec:   RFC 5321 §4.4 (Received), §6.3 (loops); RFC 6409 §8 (Date and Message-ID); RFC 9228 (Delivered-To).
 */

import { type Address, isAscii } from "../mail/address.ts";
import type { Origin } from "../mail/envelope.ts";
import { type HeaderFacts, HeaderScanner } from "../mail/headers.ts";
import type { Reply } from "../mail/reply.ts";
import { mailDate, receivedHeader } from "../mail/trace.ts";
import type { MessageId } from "../queue/job.ts";
import type { NewJob } from "../queue/queue.ts";
import type { Desk } from "./desk.ts";
import { jobsOf } from "./jobs.ts";
import { replies } from "./replies.ts";
import type { Draft } from "./sink.ts";
import type { Standing } from "./standing.ts";
import type { Transaction } from "./transaction.ts";

const isTrusted = ({ kind }: Standing): boolean => kind === "client" || kind === "user";

/** A submitted message whose header section is longer than this passes as it is, with nothing added. */
const heldOctets = 64 << 10;

export class MessageDraft implements Draft {
  readonly id: MessageId;
  readonly limit: number;
  readonly scan: HeaderScanner;
  readonly holdHeader: boolean;
  readonly #desk: Desk;
  readonly #transaction: Transaction;
  readonly #origin: Origin;
  readonly #at: number;
  readonly #opened: number;

  /** `complete`: add the fields that a submitted message must have. */
  constructor(desk: Desk, transaction: Transaction, origin: Origin, complete: boolean) {
    this.#desk = desk;
    this.#transaction = transaction;
    this.#origin = isTrusted(transaction.standing) ? { ...origin, trusted: true } : origin;
    this.#at = desk.parts.clock.now();
    this.#opened = desk.parts.clock.monotonic();
    this.id = desk.parts.queue.newId();
    this.limit = transaction.limit;
    this.scan = complete ? new HeaderScanner(heldOctets) : new HeaderScanner();
    this.holdHeader = complete;
  }

  judge({ received, deliveredTo }: HeaderFacts): Reply | undefined {
    if (received > this.#desk.limits.received) return replies.tooManyHops;
    const { forwards } = this.#transaction;
    if (forwards.length === 0 || deliveredTo.length === 0) return undefined;
    const been = new Set(deliveredTo.map((address) => address.toLowerCase()));
    return forwards.some((address) => been.has(address.toLowerCase())) ? replies.forwardLoop : undefined;
  }

  prelude(header: HeaderFacts | undefined): Uint8Array {
    const { only } = this.#transaction;
    const host = this.#desk.parts.hostname;
    const receipt = { origin: this.#origin, host, id: this.id, at: this.#at };
    let lines = receivedHeader(only === undefined ? receipt : { ...receipt, recipient: only });
    if (only !== undefined && this.#mayMark(only)) lines += `Delivered-To: ${only}\r\n`;
    if (this.holdHeader && header && !header.endless) lines += this.#missing(header, host);
    return Buffer.from(lines);
  }

  /** A mark for `judge`, should the message come back; only when nobody learns of another recipient by it. */
  #mayMark(only: Address): boolean {
    const { forwards, sender } = this.#transaction;
    return forwards.length > 0 && (sender.smtputf8 || isAscii(only));
  }

  #missing({ date, messageId }: HeaderFacts, host: string): string {
    const dated = date ? "" : `Date: ${mailDate(this.#at)}\r\n`;
    return messageId === undefined ? `${dated}Message-ID: <${this.id}@${host}>\r\n` : dated;
  }

  jobs(): readonly NewJob[] {
    const { sender, recipients } = this.#transaction;
    const facts = { message: this.id, queuedAt: this.#at, sender, origin: this.#origin };
    return jobsOf(facts, recipients.placed, this.#desk.limits.recipientsPerJob);
  }

  accepted(octets: number, jobs: readonly NewJob[]): void {
    const ms = this.#desk.parts.clock.monotonic() - this.#opened;
    this.#desk.parts.accepted({ message: this.id, jobs, octets, ms });
  }
}
