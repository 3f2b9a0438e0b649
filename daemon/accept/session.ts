/**
 * One connection, as the SMTP engine talks to it: MAIL, RCPT and DATA are put to the rules, and what they welcome is
 * gathered until a sink takes the message.
 *
 * In:     commands that the engine has parsed, with the facts of the session.
 * Out:    silence or a refusal for each; a `Sink` for a message.
 * Fails:  a rule that throws is a fault on our side; the engine answers 451.
 * Spec:   RFC 5321 §3.3, §4.1.1; RFC 6409 (submission); RFC 4954 (AUTH).
 */
import type { Channel } from "../auth/sasl/sasl.ts";
import { isLoopback } from "../kit/cidr.ts";
import { mapped, type SaslExchange, type SaslRefusal } from "../kit/sasl.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { Recipient, Sender } from "../mail/envelope.ts";
import type { Reply } from "../mail/reply.ts";
import type {
  Caller,
  FaultKind,
  Later,
  MailroomSession,
  MessageSink,
  SessionFacts,
  Verdict,
} from "../smtp/mailroom.ts";
import type { Desk } from "./desk.ts";
import { MessageDraft } from "./draft.ts";
import { type Expansion, expand } from "./expand.ts";
import { replies } from "./replies.ts";
import { returned } from "./returned.ts";
import { countOn, domainMetersOf, type Meter, metersOf, waitOn } from "./rules/rates.ts";
import { after, type Refusal, refusal } from "./rules/rule.ts";
import { Sink } from "./sink.ts";
import { type Ranks, type Standing, standingOf } from "./standing.ts";
import { Visitor } from "./strangers/visitor.ts";
import { Transaction } from "./transaction.ts";

type NamedRecipient = Omit<Recipient, "address"> & { readonly address: Address | "postmaster" };

const noMechanisms = [] as const;
const unbound = () => undefined;

export class Session implements MailroomSession {
  readonly #desk: Desk;
  readonly #caller: Caller;
  readonly #visitor: Visitor;
  #user: string | undefined;
  #ranks: Ranks;
  #standing: Standing;
  #transaction: Transaction | undefined;
  #unknown = 0;
  #failedLogins = 0;
  /** A user that comes too often hears so at MAIL. */
  #comesTooOften: Refusal | undefined;

  constructor(desk: Desk, caller: Caller) {
    this.#desk = desk;
    this.#caller = caller;
    this.#visitor = new Visitor(desk.visitors, caller.address);
    this.#ranks = desk.ranks();
    this.#standing = standingOf(this.#ranks, caller.address, undefined);
  }

  /** By the newest directory. */
  get standing(): Standing {
    const ranks = this.#desk.ranks();
    if (ranks !== this.#ranks) {
      this.#ranks = ranks;
      this.#standing = standingOf(ranks, this.#caller.address, this.#user);
    }
    return this.#standing;
  }

  get maxMessageSize(): number {
    return this.standing.limits.messageSize;
  }

  get maxRecipients(): number {
    return Math.min(this.standing.limits.recipients, this.#desk.limits.targets);
  }

  lineEnds(): "Refuse" | "Normalize" {
    return (this.#transaction?.standing ?? this.standing).lineEnds;
  }

  mechanisms(facts: SessionFacts): readonly string[] {
    const { sasl, laptop } = this.#desk.parts;
    if (this.#caller.listener === "smtp") return noMechanisms;
    const secure = facts.secure || (laptop && isLoopback(this.#caller.address));
    return secure ? sasl.mechanisms(this.#channel(facts)) : noMechanisms;
  }

  /** Under TLS the conversation begins anew: who was logged in before is nobody. RFC 3207 §4.2 */
  helo({ origin }: SessionFacts): undefined {
    if (origin.user !== undefined || this.#user === undefined) return;
    this.#user = undefined;
    this.#comesTooOften = undefined;
    this.#standing = standingOf(this.#ranks, this.#caller.address, undefined);
  }

  /** Whoever comes in is the session's user from then on. */
  exchange(mechanism: string, facts: SessionFacts): SaslExchange<string> | undefined {
    const exchange = this.#desk.parts.sasl.exchange(mechanism, this.#channel(facts));
    return exchange && mapped(exchange, ({ mailbox }) => this.#enter(mailbox));
  }

  refusedLogin(why: SaslRefusal): Reply {
    if (why === "disabled") return replies.loginDisabled;
    if (why === "unavailable") return replies.loginUnavailable;
    this.#failedLogins++;
    this.#visitor.mistake(this.standing);
    const last = this.#failedLogins >= this.#desk.limits.failedLogins;
    return last ? replies.tooManyLogins : replies.wrongLogin;
  }

  #enter(user: string): string {
    this.#user = user;
    this.#standing = standingOf(this.#ranks, this.#caller.address, user);
    this.#comesTooOften = this.#visitor.arrived(this.#standing);
    return user;
  }

  #channel({ channelBinding = unbound }: SessionFacts): Channel {
    return { network: this.#visitor.whence.client, scope: "SMTP", binding: channelBinding };
  }

  mail(sender: Sender & { readonly size?: number }, _facts: SessionFacts): Later<Verdict> {
    return this.#noted("MAIL", sender.path, this.#mail(sender));
  }

  rcpt(named: NamedRecipient, facts: SessionFacts, signal: AbortSignal): Later<Verdict> {
    return this.#noted("RCPT", named.address, this.#rcpt(named, facts, signal));
  }

  /** A new connection. */
  arrived(): Verdict {
    return this.#told("connect", "", this.#visitor.arrived(this.standing));
  }

  /** A command that was wrong in itself; words before the greeting are answered by the engine. */
  fault(kind: FaultKind, signal: AbortSignal): Later<Verdict> {
    const { standing } = this;
    if (standing.kind === "client") return undefined;
    const refused = this.#told(kind, "", this.#visitor.mistake(standing));
    if (refused) return refused;
    if (kind === "early") {
      this.#told(kind, "", refusal("pregreet", replies.spokeFirst));
      return undefined;
    }
    return this.#visitor.pause(standing, signal)?.then(() => undefined);
  }

  #noted(command: string, address: string, verdict: Later<Refusal | undefined>): Later<Verdict> {
    if (!(verdict instanceof Promise)) return this.#told(command, address, verdict);
    return verdict.then((later) => this.#told(command, address, later));
  }

  /** Refusals are what people ask about afterwards. */
  #told(command: string, address: string, refused: Refusal | undefined): Verdict {
    if (refused === undefined) return undefined;
    const client = this.#caller.address;
    const from = this.#transaction?.sender.path;
    this.#desk.refused(refused, { client, user: this.#user, command, address, from });
    return refused.reply;
  }

  #mail(sender: Sender & { readonly size?: number }): Later<Refusal | undefined> {
    if (this.#comesTooOften) return this.#comesTooOften;
    const { standing } = this;
    const { directory } = this.#ranks;
    const { size } = sender;
    const verdict = this.#desk.mailRules({ caller: this.#caller, standing, directory, sender, size });
    return after(verdict, () => {
      const meters = metersOf("messages", standing, this.#visitor.whence);
      const refused = this.#roomOn(meters);
      if (refused) return refused;
      this.#transaction = new Transaction(standing, senderOf(sender), size);
      this.#transaction.meter(meters);
      return undefined;
    });
  }

  #roomOn(meters: readonly Meter[]): Refusal | undefined {
    const wait = waitOn(this.#desk.rates, meters, this.#desk.parts.clock.monotonic());
    return wait > 0 ? refusal("messageRate", replies.tooFast(wait)) : undefined;
  }

  #rcpt(named: NamedRecipient, facts: SessionFacts, signal: AbortSignal): Later<Refusal | undefined> {
    const transaction = this.#transaction;
    if (!transaction) throw new Error("RCPT without MAIL");
    const directory = this.#desk.directory();
    // RFC 5321 §4.5.1: `<postmaster>` needs no domain.
    const address = named.address.includes("@") ? (named.address as Address) : directory.postmaster();
    if (address === undefined) return refusal("known", replies.unknownRecipient);
    const bounced = transaction.sender.path === "" && returned(directory, address, this.#desk.parts.returned);
    const expansion = bounced || expand(directory, address);
    const { standing } = transaction;
    const verdict = this.#desk.rcptRules({
      standing,
      address,
      expansion,
      named: transaction.named,
      namedInDomain: transaction.namedInDomain(expansion),
      targets: transaction.recipients.placed.length,
      size: transaction.size,
    });
    if (verdict && !(verdict instanceof Promise)) {
      if (verdict.reply === replies.unknownRecipient) return this.#guessed(transaction, expansion, signal);
      if (verdict.rule === "relay") return this.#visitor.mistake(standing) ?? verdict;
    }
    const recipient = { ...named, address };
    return after(verdict, () => this.#approach(transaction, recipient, expansion, facts, signal));
  }

  /** A recipient that the rules welcome: is there room for it, and what does its domain think of the client? */
  #approach(
    transaction: Transaction,
    recipient: Recipient,
    expansion: Expansion,
    { origin: { helo } }: SessionFacts,
    signal: AbortSignal,
  ): Later<Refusal | undefined> {
    const { standing, sender } = transaction;
    const domain = expansion.kind === "foreign" ? undefined : expansion.domain;
    const meters = domain ? domainMetersOf("messages", standing, this.#visitor.whence, domain) : [];
    const refused = this.#roomOn(meters) ?? this.#visitor.addressed(standing, domain);
    if (refused) return refused;
    const approached =
      domain &&
      this.#visitor.approach({
        standing,
        domain,
        sender: sender.path,
        recipient: recipient.address,
        helo,
        isOurs: (name) => this.#isOurs(name),
        signal,
        suspect: (suspicion) => transaction.suspect(suspicion, expansion),
      });
    return after(approached, () => {
      transaction.meter(meters);
      transaction.accept(recipient, expansion);
      return undefined;
    });
  }

  #isOurs(name: string): boolean {
    const { hostname } = this.#desk.parts;
    return name === hostname.toLowerCase() || this.#desk.directory().domain(name as Domain) !== undefined;
  }

  /** Whoever asks for many names that do not exist is collecting addresses. */
  #guessed({ standing }: Transaction, expansion: Expansion, signal: AbortSignal): Later<Refusal | undefined> {
    if (standing.kind === "client") return refusal("known", replies.unknownRecipient);
    const domain = expansion.kind === "foreign" ? undefined : expansion.domain;
    const refused = this.#visitor.guessed(standing, domain, replies.unknownRecipient);
    if (++this.#unknown > this.#desk.limits.unknownRecipients)
      return refusal("harvest", replies.tooManyUnknown);
    if (refused.reply !== replies.unknownRecipient) return refused;
    return this.#visitor.pause(standing, signal, domain?.protection.tarpit)?.then(() => refused) ?? refused;
  }

  open(facts: SessionFacts, signal: AbortSignal): MessageSink | Reply {
    const transaction = this.#transaction;
    if (!transaction || transaction.named === 0) return replies.noRecipients;
    const closed = this.#desk.admission();
    if (closed) return closed;
    const place = this.#desk.arrivals.enter();
    if (!place) return replies.crowded;
    const wait = countOn(this.#desk.rates, transaction.meters, this.#desk.parts.clock.monotonic());
    const tooFast = this.#told(
      "DATA",
      "",
      wait > 0 ? refusal("messageRate", replies.tooFast(wait)) : undefined,
    );
    if (tooFast) {
      place.leave();
      return tooFast;
    }
    const submission = this.#caller.listener !== "smtp" && transaction.standing.kind === "user";
    const draft = new MessageDraft(this.#desk, transaction, facts.origin, submission);
    return new Sink(this.#desk.sinks, draft, place, signal);
  }

  reset(): void {
    this.#transaction = undefined;
  }

  close(): void {
    this.#transaction = undefined;
  }
}

/** What the queue keeps of MAIL: not the announced size. */
function senderOf({ size: _size, ...sender }: Sender & { readonly size?: number }): Sender {
  return sender;
}
