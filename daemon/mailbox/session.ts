/**
 * The reader's side of the mailbox store: what IMAP, POP3 and the operator's commands stand on.
 *
 * All sessions of one mailbox in a process share one cache, which the stream keeps true: another pod's changes arrive
 * within milliseconds. Only folders that somebody looks at are held in memory. `close` (dispose) a session when its
 * connection ends.
 *
 * `node:test` contract: `test/contract/mailbox-session.ts`.
 */

import type { MailboxName, Quota, Uid } from "./store.ts";
import type { FolderInfo, FolderView, SpecialUse } from "./view.ts";

/** Why an order was refused: the response code of IMAP that tells the client. RFC 9051 §7.1 */
export type RefusalCode =
  | "ALREADYEXISTS"
  | "CANNOT"
  | "HASCHILDREN"
  | "LIMIT"
  | "NONEXISTENT"
  | "OVERQUOTA"
  | "TOOBIG"
  | "TRYCREATE";

/** Nothing was changed, and trying again will not help; `message` is a sentence for the client. */
export class MailboxRefusal extends Error {
  override readonly name = "MailboxRefusal";
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface OpenOptions {
  /** Asked at every order that adds octets: the limits may change while the session lasts. */
  readonly quota: () => Quota;
}

export interface Usage {
  readonly bytes: number;
  readonly messages: number;
  readonly quota: Quota;
}

/** One message of an APPEND. */
export interface Append {
  readonly flags: readonly string[];
  /** ms since the epoch; now when absent */
  readonly internalDate?: number;
  readonly size: number;
  /** Exactly `size` octets; read once, with back-pressure. A piece must stay as it is until the append has ended. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Appended {
  readonly uidValidity: number;
  readonly uids: readonly Uid[];
}

export type MailboxChange =
  /** Folders were made, deleted, renamed, subscribed to. */
  | { readonly kind: "folders" }
  /** Messages or flags of some folder changed, selected or not: NOTIFY and STATUS. */
  | { readonly kind: "status"; readonly folder: FolderInfo };

export interface MailboxSession extends AsyncDisposable {
  readonly mailbox: MailboxName;
  /** Aborted when the store was brought back from a copy: what this session has seen is not so, and it must end. */
  readonly lost: AbortSignal;
  /** INBOX first, then by name. */
  folders(): readonly FolderInfo[];
  /** `inbox` in any case is INBOX. */
  folder(name: string): FolderInfo | undefined;
  /** Names that were subscribed to, also of folders that do not exist any more. RFC 9051 §6.3.7 */
  subscriptions(): readonly string[];
  usage(): Usage;
  /** Resolves when everything that was stored before the call, by whomever, is known here. For NOOP, CHECK, STATUS. */
  sync(signal: AbortSignal): Promise<void>;
  listen(listener: (change: MailboxChange) => void): () => void;

  /** Makes missing parents too. Refused: `ALREADYEXISTS`, `CANNOT` (a name that cannot be), `LIMIT`. RFC 9051 §6.3.4 */
  create(name: string, use: SpecialUse | undefined, signal: AbortSignal): Promise<FolderInfo>;
  /** With its messages. Refused: `NONEXISTENT`, `CANNOT` (INBOX), `HASCHILDREN`. RFC 9051 §6.3.5 */
  delete(name: string, signal: AbortSignal): Promise<void>;
  /**
   * Children move along. INBOX: its messages go to a new folder `to`, and INBOX stays, empty, with a higher
   * UIDVALIDITY. Refused: `NONEXISTENT`, `ALREADYEXISTS`, `CANNOT`. RFC 9051 §6.3.6
   */
  rename(from: string, to: string, signal: AbortSignal): Promise<void>;
  subscribe(name: string, wanted: boolean, signal: AbortSignal): Promise<void>;

  /** Loads the folder unless it is held already; `undefined` when it does not exist. Dispose the view when done. */
  select(name: string, signal: AbortSignal): Promise<FolderView | undefined>;

  /** Throws the refusal that `append` would throw for so many octets more: ask before a literal is let in. */
  admit(folder: string, bytes: number): void;
  /**
   * Adds all messages or none (MULTIAPPEND, RFC 3502). The bodies are taken one after the other; `messages` is not asked
   * for the next before the one before was read. Refused: `TRYCREATE`, `OVERQUOTA`, `TOOBIG`, `LIMIT` (more than 200).
   */
  append(
    folder: string,
    messages: AsyncIterable<Append> | Iterable<Append>,
    signal: AbortSignal,
  ): Promise<Appended>;
}

/** Held until it is disposed of, or until the process dies (then for at most half a minute). */
export interface Exclusive extends AsyncDisposable {
  /** Aborted when it could not be kept. */
  readonly lost: AbortSignal;
}

export interface MailboxAccess {
  /** The first session ever makes INBOX, Drafts, Sent, Junk, Trash and Archive. Throws `StoreUnavailable`. */
  open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession>;
  /** For POP3: one holder at a time among all pods; `undefined` while there is another. RFC 1939 §4 */
  exclusive(mailbox: MailboxName, signal: AbortSignal): Promise<Exclusive | undefined>;
}
