/**
 * What the IMAP engine asks of the rest of the daemon: who somebody is, and the mailbox that is theirs.
 */
import type { MailboxSession } from "../mailbox/session.ts";

export interface Caller {
  /** The client's address without port. */
  readonly address: string;
  readonly port: number;
  readonly listener: "imap" | "imaps";
}

export interface Login {
  /** Whom to act for; "" for oneself. RFC 4616 §2 */
  readonly identity: string;
  readonly name: string;
  readonly password: string;
}

export interface Account {
  /** Login name in its canonical form. */
  readonly user: string;
  /** Released by the session when it ends. */
  readonly mailbox: MailboxSession;
}

export type Entrance =
  | { readonly kind: "welcome"; readonly account: Account }
  | { readonly kind: "wrong" }
  /** Right password, suspended mailbox. */
  | { readonly kind: "disabled" }
  | { readonly kind: "unavailable" };

export interface ImapHost {
  login(login: Login, caller: Caller, signal: AbortSignal): Promise<Entrance>;
}
