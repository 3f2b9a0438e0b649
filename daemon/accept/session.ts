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
import type { Directory } from "../directory/directory.ts";
import { clientNetwork, isLoopback } from "../kit/cidr.ts";
import { mapped, type SaslExchange, type SaslRefusal } from "../kit/sasl.ts";
import { type Address, domainOf } from "../mail/address.ts";
import type { Recipient, Sender } from "../mail/envelope.ts";
import type { Reply } from "../mail/reply.ts";
import { isRewritten } from "../mail/srs.ts";
import type { Caller, Later, MailroomSession, MessageSink, SessionFacts, Verdict } from "../smtp/mailroom.ts";
import type { Desk } from "./desk.ts";
import { MessageDraft } from "./draft.ts";
import { type Expansion, expand } from "./expand.ts";
import { replies } from "./replies.ts";
import { countMessage, domainMeter, senderMeter, withinRate } from "./rules/message-rate.ts";
import type { Rcpt } from "./rules/rule.ts";
import { Sink } from "./sink.ts";
import { type Ranks, type Standing, standingOf } from "./standing.ts";
import { Transaction } from "./transaction.ts";

type NamedRecipient = Omit<Recipient, "address"> & { readonly address: Address | "postmaster" };

const noMechanisms = [] as const;
const unbound = () => undefined;

export class Session implements MailroomSession {
  readonly #desk: Desk;
  readonly #caller: Caller;
  readonly #network: string;
  #user: string | undefined;
  #ranks: Ranks;
  #standing: Standing;
  #transaction: Transaction | undefined;
  #unknown = 0;
  #failedLogins = 0;

  constructor(desk: Desk, caller: Caller) {
    this.#desk = desk;
    this.#caller = caller;
    this.#network = clientNetwork(caller.address);
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
    const last = this.#failedLogins >= this.#desk.limits.failedLogins;
    return last ? replies.tooManyLogins : replies.wrongLogin;
  }

  #enter(user: string): string {
    this.#user = user;
    this.#standing = standingOf(this.#ranks, this.#caller.address, user);
    return user;
  }

  #channel({ channelBinding = unbound }: SessionFacts): Channel {
    return { network: this.#network, scope: "SMTP", binding: channelBinding };
  }

  mail(sender: Sender & { readonly size?: number }, _facts: SessionFacts): Later<Verdict> {
    return this.#noted("MAIL", sender.path, this.#mail(sender));
  }

  rcpt(named: NamedRecipient): Later<Verdict> {
    return this.#noted("RCPT", named.address, this.#rcpt(named));
  }

  /** Refusals are what people ask about afterwards. */
  #noted(command: string, address: string, verdict: Later<Verdict>): Later<Verdict> {
    if (verdict === undefined) return undefined;
    if (verdict instanceof Promise) return verdict.then((later) => this.#noted(command, address, later));
    const { code, enhanced } = verdict;
    const client = this.#caller.address;
    const from = this.#transaction?.sender.path;
    this.#desk.parts.log.info(
      { client, user: this.#user, command, address, from, code, enhanced },
      "refused",
    );
    return verdict;
  }

  #mail(sender: Sender & { readonly size?: number }): Later<Verdict> {
    const { standing } = this;
    const { directory } = this.#ranks;
    const { size } = sender;
    const verdict = this.#desk.mailRules({ caller: this.#caller, standing, directory, sender, size });
    return after(verdict, () => {
      const meter = senderMeter(standing, this.#network);
      const refusal = withinRate(this.#desk.rates, meter, this.#desk.parts.clock.monotonic());
      if (refusal) return refusal;
      this.#transaction = new Transaction(standing, senderOf(sender), size);
      this.#transaction.meter(meter);
      return undefined;
    });
  }

  #rcpt(named: NamedRecipient): Later<Verdict> {
    const transaction = this.#transaction;
    if (!transaction) throw new Error("RCPT without MAIL");
    const directory = this.#desk.directory();
    // RFC 5321 §4.5.1: `<postmaster>` needs no domain.
    const address = named.address.includes("@") ? (named.address as Address) : directory.postmaster();
    if (address === undefined) return replies.unknownRecipient;
    const expansion = this.#bounce(directory, address, transaction) ?? expand(directory, address);
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
    if (verdict === replies.unknownRecipient) return this.#guessed(standing);
    return after(verdict, () => this.#welcome(transaction, { ...named, address }, expansion));
  }

  /** A path that we rewrote when we passed a message on: its bounces go back to whom it came from. */
  #bounce(directory: Directory, address: Address, { sender }: Transaction): Expansion | undefined {
    if (sender.path !== "" || !isRewritten(address)) return undefined;
    const domain = directory.domain(domainOf(address));
    const to = domain && this.#desk.parts.returned?.(address, domain.namespace);
    if (domain === undefined || to === undefined) return undefined;
    const target = { kind: "remote", address: to, policy: domain.policy } as const;
    return { kind: "targets", domain, targets: [target], expanded: true };
  }

  #welcome(transaction: Transaction, recipient: Recipient, expansion: Rcpt["expansion"]): Verdict {
    if (expansion.kind !== "foreign") {
      const meter = domainMeter(transaction.standing, expansion.domain);
      const refusal = withinRate(this.#desk.rates, meter, this.#desk.parts.clock.monotonic());
      if (refusal) return refusal;
      transaction.meter(meter);
    }
    transaction.accept(recipient, expansion);
    return undefined;
  }

  /** Whoever asks for many names that do not exist is collecting addresses. */
  #guessed(standing: Standing): Reply {
    if (standing.kind === "client") return replies.unknownRecipient;
    this.#unknown++;
    return this.#unknown > this.#desk.limits.unknownRecipients
      ? replies.tooManyUnknown
      : replies.unknownRecipient;
  }

  open(facts: SessionFacts, signal: AbortSignal): MessageSink | Reply {
    const transaction = this.#transaction;
    if (!transaction || transaction.named === 0) return replies.noRecipients;
    const closed = this.#desk.admission();
    if (closed) return closed;
    const place = this.#desk.arrivals.enter();
    if (!place) return replies.crowded;
    const tooFast = countMessage(this.#desk.rates, transaction.meters, this.#desk.parts.clock.monotonic());
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

/** Goes on when nothing was refused; at once when that is known at once. */
function after(verdict: Later<Verdict>, go: () => Verdict): Later<Verdict> {
  if (verdict === undefined) return go();
  return verdict instanceof Promise ? verdict.then((later) => later ?? go()) : verdict;
}

/** What the queue keeps of MAIL: not the announced size. */
function senderOf({ size: _size, ...sender }: Sender & { readonly size?: number }): Sender {
  return sender;
}
