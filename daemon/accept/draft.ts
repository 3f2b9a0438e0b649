/**
 * A message between DATA and the queue, as far as the session knows it: its id, what goes in front of it, what would
 * refuse it, and its jobs.
 *
 * Spec:   RFC 5321 §4.4 (Received), §6.3 (loops); RFC 6409 §8 (Date and Message-ID); RFC 9228 (Delivered-To).
 */

import { clientField, withoutForged } from "../auth/origin/results-field.ts";
import type { Look } from "../filters/filter.ts";
import { isAscii } from "../kit/ascii.ts";
import { isLoopback } from "../kit/cidr.ts";
import { type Address, type Domain, domainOf } from "../mail/address.ts";
import type { Origin, Sender } from "../mail/envelope.ts";
import { type HeaderFacts, HeaderScanner } from "../mail/headers.ts";
import type { Reply } from "../mail/reply.ts";
import { mailDate, receivedHeader } from "../mail/trace.ts";
import type { MessageId } from "../queue/job.ts";
import type { NewJob } from "../queue/queue.ts";
import type { Desk } from "./desk.ts";
import { type Guards, guardsOf, shown } from "./guards.ts";
import type { Draft, Findings, Whole } from "./handed.ts";
import { Inspection, type Judgement, withoutClaims } from "./inspection.ts";
import { jobsOf, newJob, type Placed } from "./jobs.ts";
import { replies } from "./replies.ts";
import { owns } from "./rules/own-sender.ts";
import { type Screened, screen } from "./screening.ts";
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

type Taken<T> = Extract<T, { readonly kind: "take" }>;

/** What was found out about a message, for all its recipients. */
interface Found {
  /** Fields that go before it. */
  readonly front: string;
  readonly judged: Taken<Judgement> | undefined;
  readonly screened: Taken<Screened> | undefined;
  /** Domains that do not trust the client. */
  readonly junk: ReadonlySet<Domain>;
}

/** With what was found for this recipient: by who sends it, where it comes from, and by its domain's filters. */
function marked(place: Placed, { front, judged, screened, junk: suspected }: Found): Placed {
  const marks = place.via && screened?.of(place.via);
  const isJunk = judged?.isJunk(place.destination) || marks?.junk || suspected.has(place.destination);
  const junk = place.class === "local" && isJunk;
  return {
    ...place,
    ...(junk ? { recipient: { ...place.recipient, junk: true } } : {}),
    ...(marks && marks.fields !== "" ? { prepend: front + marks.fields } : {}),
  };
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
  readonly screen?: (whole: Whole) => Promise<Screened>;
  /** Octets of ours in front of the message. */
  #front = 0;
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
    const { look } = desk.parts;
    const guards = look && guardsOf(transaction, desk.directory());
    if (look && guards) this.screen = (whole) => this.#show(whole, guards, look);
    this.holdHeader = complete || this.inspection !== undefined || guards !== undefined;
    if (complete) this.section = (octets) => this.#submit(octets);
    else if (transaction.standing.kind === "stranger" && this.holdHeader)
      this.section = (octets) => this.inspection?.header(octets) ?? withoutForged(octets, () => false);
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
    this.#front = Buffer.byteLength(lines);
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
      return withoutClaims(submitted.octets, { hostname: this.#desk.parts.hostname, directory });
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

  /** Filters see the message as it came, behind what we found out; fields that we added for a user belong to it. */
  #show({ body, octets, judgement }: Whole, { guarded, outbound }: Guards, look: Look): Promise<Screened> {
    const { hostname, log } = this.#desk.parts;
    const { sender } = this.#transaction;
    const field = `${judgement?.kind === "take" ? judgement.field : ""}${this.#aboutClient()}`;
    const front = this.#front;
    const size = body + Buffer.byteLength(field) - front;
    const letter = { id: this.id, hostname, origin: this.#origin, sender, size };
    return screen(
      { look, guarded, outbound, log },
      { ...letter, octets: (signal) => shown(octets(signal), front, field) },
    );
  }

  jobs({ judgement, screened }: Findings): readonly NewJob[] {
    const { recipients, junk } = this.#transaction;
    const sender = this.#sender();
    const facts = { message: this.id, queuedAt: this.#at, sender, origin: this.#origin };
    const perJob = this.#desk.limits.recipientsPerJob;
    const judged = judgement?.kind === "take" ? judgement : undefined;
    const seen = screened?.kind === "take" ? screened : undefined;
    const front = `${judged?.field ?? ""}${this.#aboutClient()}`;
    const found = { front, judged, screened: seen, junk };
    const placed =
      judged || seen || junk.size > 0
        ? recipients.placed.map((place) => marked(place, found))
        : recipients.placed;
    const jobs = jobsOf(front === "" ? facts : { ...facts, prepend: front }, placed, perJob);
    const copy = this.#sentCopy();
    return copy ? [...jobs, newJob(facts, jobs.length, copy, [copy.recipient])] : jobs;
  }

  /** REQUIRETLS goes before what the header says. RFC 8689 §4.1 */
  #sender(): Sender {
    const { sender } = this.#transaction;
    return this.#tlsOptional && !sender.requireTls ? { ...sender, tlsOptional: true } : sender;
  }

  /** What was found out about the client before the message, as a field. */
  #aboutClient(): string {
    const { notes } = this.#transaction;
    return notes.size === 0
      ? ""
      : `${clientField}: ${this.#origin.client};\r\n ${[...notes].join(";\r\n ")}\r\n`;
  }

  accepted(octets: number, jobs: readonly NewJob[]): void | Promise<void> {
    const ms = this.#desk.parts.clock.monotonic() - this.#opened;
    return this.#desk.parts.accepted({ message: this.id, jobs, octets, ms });
  }
}
