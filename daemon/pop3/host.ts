/**
 * What the POP3 engine asks of the rest of the daemon: who somebody is, and the maildrop that is theirs.
 */
import type { Entrance, SaslExchange } from "../kit/sasl.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { Maildrop } from "./maildrop.ts";

/** Where the client connected from, and to. */
export interface Caller {
  /** The client's address without port. */
  readonly address: string;
  readonly port: number;
  readonly listener: "pop3" | "pop3s";
}

/** The client as it is now: TLS may have begun since it connected. */
export interface Client extends Caller {
  /** A TLS session is in force, or the client is on loopback where the listener allows passwords in plain text. */
  readonly secure: boolean;
  readonly channelBinding: () => Buffer | undefined;
}

export interface Pop3Host {
  /** SASL mechanisms to offer this client now; asked only when it is secure. */
  mechanisms(client: Client): readonly string[];
  /** `undefined`: there is no such mechanism, or not for this client. */
  exchange(mechanism: string, client: Client): SaslExchange<MailboxName> | undefined;
  /** USER and PASS. */
  password(
    name: string,
    password: string,
    client: Client,
    signal: AbortSignal,
  ): Promise<Entrance<MailboxName>>;
  /** `undefined`: another session has it. Throws `StoreUnavailable`. */
  open(mailbox: MailboxName, signal: AbortSignal): Promise<Maildrop | undefined>;
}
