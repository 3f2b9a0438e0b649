/**
 * What the SMTP engine asks of the rest of the daemon. The engine knows commands, states, syntax and wire limits; it
 * knows nothing of domains, mailboxes, policies or queues. `daemon/accept` implements this.
 *
 * A method answers with `undefined` (welcome) or a refusal `Reply`, at once or later. A method that throws makes the
 * engine answer `451 4.3.0` and log the error: a fault on our side is never a 5xx and never a 250.
 */
import type { SaslExchange, SaslRefusal } from "../kit/sasl.ts";
import type { Address } from "../mail/address.ts";
import type { Origin, Recipient, Sender } from "../mail/envelope.ts";
import type { Reply } from "../mail/reply.ts";

export type Verdict = Reply | undefined;
export type Later<T> = T | Promise<T>;
/** `early`: before the greeting. RFC 5321 §3.1 */
export type FaultKind = "syntax" | "sequence" | "unknown" | "early";

/** The connection as the mailroom sees it when it opens. */
export interface Caller {
  /** The client's address without port, IPv4-mapped IPv6 already unmapped. */
  readonly address: string;
  readonly port: number;
  readonly listener: "smtp" | "submission" | "submissions";
  /** The connection was encrypted from its first octet. */
  readonly tls: boolean;
}

/** What the mailroom decides about a connection before the banner. */
export type Welcome =
  | { readonly kind: "refused"; readonly reply: Reply }
  | {
      readonly kind: "welcome";
      readonly session: MailroomSession;
      /** Wait this long before the banner, and refuse clients that speak first (strangers only). ms, 0: none. */
      readonly pregreetMs: number;
    };

/** Facts of the session that change as commands come in; passed with each call. */
export interface SessionFacts {
  readonly origin: Origin;
  /** A TLS session is in force, or the client is on loopback where plain text was allowed by the listener. */
  readonly secure: boolean;
  /** What binds a login to this TLS session; `undefined` without one. RFC 9266 */
  readonly channelBinding?: () => Buffer | undefined;
}

/**
 * Takes a message's octets as they arrive, dot-unstuffed, CRLF line ends only. A message that came by BDAT may end
 * without CRLF; NUL and 8-bit octets pass as they came.
 */
export interface MessageSink {
  /**
   * A promise means: stop reading from the client until it resolves; nothing is written meanwhile. Rejects when the
   * store refuses. The octets are the sink's to keep.
   */
  write(octets: Uint8Array): void | Promise<void>;
  /**
   * The message is complete. A 2yz reply only when it is durable. From here on the signal that `open` got is not
   * aborted when the connection is lost: the message's fate no longer hangs on it.
   */
  end(): Promise<Reply>;
  /** The message will not be completed (connection lost, refused, RSET); nothing of it remains. */
  abort(): void;
}

export interface MailroomSession {
  /** EHLO keyword SIZE and the limit that DATA obeys, octets. */
  readonly maxMessageSize: number;
  readonly maxRecipients: number;
  /** `Refuse` a bare CR or LF in a message with 550 5.6.0, or `Normalize` it to CRLF. Asked when DATA starts. */
  lineEnds(): "Refuse" | "Normalize";
  /** Mechanisms to offer now; empty: AUTH is not advertised. The engine runs the exchange. */
  mechanisms(facts: SessionFacts): readonly string[];
  /** Begins a login by one of these mechanisms; it ends with the canonical login name. `undefined`: not offered. */
  exchange(mechanism: string, facts: SessionFacts): SaslExchange<string> | undefined;
  /** What the client hears of a login that failed. Called once for each. */
  refusedLogin(why: SaslRefusal): Reply;
  helo?(facts: SessionFacts): Later<Verdict>;
  mail(sender: Sender & { readonly size?: number }, facts: SessionFacts, signal: AbortSignal): Later<Verdict>;
  /** `postmaster` without a domain arrives in lower case. Called for each RCPT, also repeated ones. */
  rcpt(
    recipient: Recipient | (Omit<Recipient, "address"> & { readonly address: Address | "postmaster" }),
    facts: SessionFacts,
    signal: AbortSignal,
  ): Later<Verdict>;
  /** DATA or the first BDAT: opens the message for the transaction's recipients, or refuses it. */
  open(facts: SessionFacts, signal: AbortSignal): Later<MessageSink | Reply>;
  /** RSET, a second EHLO, STARTTLS or the end of a transaction: the envelope is forgotten. */
  reset(): void;
  /**
   * A command was refused for bad syntax or sequence, or the client spoke before the greeting. The mailroom may take its
   * time, so that the client waits, and may answer a reply that ends the session.
   */
  fault?(kind: FaultKind, signal: AbortSignal): Later<Verdict>;
  /** The connection is over. Called exactly once, after the answer to any call that is under way; nothing follows. */
  close(): void;
}

export interface Mailroom {
  open(caller: Caller, signal: AbortSignal): Later<Welcome>;
}
