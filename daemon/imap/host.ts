/**
 * What the IMAP engine asks of the rest of the daemon: who somebody is, and the mailbox that is theirs.
 */
import type { Entrance, SaslExchange } from "../kit/sasl.ts";
import type { MailboxSession } from "../mailbox/session.ts";
import type { MailboxName } from "../mailbox/store.ts";

/** Where the client connected from, and to. */
export interface Caller {
  /** The client's address without port. */
  readonly address: string;
  readonly port: number;
  readonly listener: "imap" | "imaps";
}

/** The client as it is now: TLS may have begun since it connected. */
export interface Client extends Caller {
  /** For mechanisms that bind to the TLS session; `undefined` without one. RFC 9266 */
  readonly channelBinding: () => Buffer | undefined;
}

export interface Account {
  readonly user: MailboxName;
  /** Released by the session when it ends. */
  readonly mailbox: MailboxSession;
}

export interface ImapHost {
  /** SASL mechanisms to offer this client now; asked only when a password may be told. */
  mechanisms(client: Client): readonly string[];
  /** `undefined`: there is no such mechanism, or not for this client. */
  exchange(mechanism: string, client: Client): SaslExchange<MailboxName> | undefined;
  /** LOGIN. */
  password(
    name: string,
    password: string,
    client: Client,
    signal: AbortSignal,
  ): Promise<Entrance<MailboxName>>;
  /** Throws `StoreUnavailable`. */
  open(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxSession>;
}
