/**
 * A message between DATA and the queue, as far as the session knows it: its id, what goes in front of it, what would
 * refuse it, and its jobs.
 *
 * Spec:   RFC 5321 §4.4 (Received), §6.3 (loops); RFC 6409 §8 (Date and Message-ID); RFC 9228 (Delivered-To).
 */

import { isLoopback } from "../kit/cidr.ts";
import { type Address, type Domain, domainOf, isAscii } from "../mail/address.ts";
import type { Origin, Sender } from "../mail/envelope.ts";
import { type HeaderFacts, HeaderScanner } from "../mail/headers.ts";
import type { Reply } from "../mail/reply.ts";
import { mailDate, receivedHeader } from "../mail/trace.ts";
import type { MessageId } from "../queue/job.ts";
import type { NewJob } from "../queue/queue.ts";
import type { Desk } from "./desk.ts";
import { Inspection, type Judgement } from "./inspection.ts";
import { jobsOf, newJob, type Placed } from "./jobs.ts";
import { replies } from "./replies.ts";
import { owns } from "./rules/own-sender.ts";
import type { Draft } from "./sink.ts";
import type { Standing } from "./standing.ts";
import { readSubmitted, type Submitted } from "./submitted.ts";
import type { Transaction } from "./transaction.ts";

/** Strangers from the network are looked at. Whoever is on this machine has no address that the DNS could vouch for. */
function inspect(desk: Desk, transaction: Transaction, { client, helo }: Origin): Inspection | undefined {
  const { examine, hostname, observe, log } = desk.parts;
  const { standing, sender } = transaction;
  if (examine === undefined || standing.kind !== "stranger" || isLoopback(client)) return undefined;
  const envelope = { client, helo, reversePath: sender.path };
  return new Inspection({
    examination: examine(envelope),
    envelope,
    directory: desk.directory(),
    domains: () => transaction.domains,
    hostname,
    observe,
    log,
  });
}

function sorted(place: Placed, isJunk: (domain: Domain) => boolean): Placed {
  const junk = place.class === "local" && isJunk(place.destination);
  return junk ? { ...place, recipient: { ...place.recipient, junk: true } } : place;
}

const isTrusted = ({ kind }: Standing): boolean => kind === "client" || kind === "user";

/** A message whose header section is held back and longer than this is refused. */
const heldOctets = 64 << 10;

export class MessageDraft implements Draft {
  readonly id: MessageId;
  readonly limit: number;
  readonly scan: HeaderScanner;
  readonly holdHeader: boolean;
  readonly inspection: Inspection | undefined;
  readonly #complete: boolean;
  readonly section?: (octets: Buffer) => Uint8Array | Reply;
  #submitted: Submitted | undefined;
  #tlsOptional = false;
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
    this.inspection = inspect(desk, transaction, origin);
    this.#complete = complete;
    this.holdHeader = complete || this.inspection !== undefined;
    if (complete) this.section = (octets) => this.#submit(octets);
    else if (this.inspection) this.section = this.inspection.header.bind(this.inspection);
    this.scan = this.holdHeader ? new HeaderScanner(heldOctets) : new HeaderScanner();
  }

  judge({ received, deliveredTo, tlsOptional, endless }: HeaderFacts): Reply | undefined {
    this.#tlsOptional = tlsOptional;
    if (endless && this.holdHeader) return replies.headerTooLarge;
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
    if (this.#complete && header && !header.endless) lines += this.#missing(header, host);
    return Buffer.from(lines);
  }

  /** What a user sends is from the user. */
  #submit(section: Buffer): Uint8Array | Reply {
    const { standing } = this.#transaction;
    const submitted = readSubmitted(section);
    this.#submitted = submitted;
    if (standing.kind !== "user") return submitted.octets;
    const directory = this.#desk.directory();
    const foreign = submitted.authors.find(
      (author) => author === undefined || !owns(directory, standing.mailbox, author),
    );
    if (submitted.authors.length === 0 || (foreign === undefined && !submitted.authors.includes(undefined)))
      return submitted.octets;
    return foreign === undefined ? replies.noAuthor : replies.notYourAddress(foreign);
  }

  /** The sender's copy: filed like any other mail, but never reported on. */
  #sentCopy(): Placed | undefined {
    const { standing } = this.#transaction;
    if (standing.kind !== "user" || !this.#submitted) return undefined;
    const { mailbox } = standing;
    const { sentCopy = mailbox.spec.sentCopy, bcc } = this.#submitted;
    const domain = this.#desk.directory().domain(domainOf(mailbox.address));
    if (!sentCopy || domain?.delivery.kind !== "mailbox") return undefined;
    return {
      recipient: { address: mailbox.address, notify: "never", sent: { bcc } },
      class: "local",
      policy: domain.policy,
      destination: domain.domain,
    };
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

  jobs(judgement: Judgement | undefined): readonly NewJob[] {
    const { recipients } = this.#transaction;
    const sender = this.#sender();
    const facts = { message: this.id, queuedAt: this.#at, sender, origin: this.#origin };
    const perJob = this.#desk.limits.recipientsPerJob;
    if (judgement?.kind !== "take") {
      const jobs = jobsOf(facts, recipients.placed, perJob);
      const copy = this.#sentCopy();
      return copy ? [...jobs, newJob(facts, jobs.length, copy, [copy.recipient])] : jobs;
    }
    const { field: prepend, isJunk } = judgement;
    return jobsOf(
      { ...facts, prepend },
      recipients.placed.map((place) => sorted(place, isJunk)),
      perJob,
    );
  }

  /** REQUIRETLS goes before what the header says. RFC 8689 §4.1 */
  #sender(): Sender {
    const { sender } = this.#transaction;
    return this.#tlsOptional && !sender.requireTls ? { ...sender, tlsOptional: true } : sender;
  }

  accepted(octets: number, jobs: readonly NewJob[]): void {
    const ms = this.#desk.parts.clock.monotonic() - this.#opened;
    this.#desk.parts.accepted({ message: this.id, jobs, octets, ms });
  }
}
