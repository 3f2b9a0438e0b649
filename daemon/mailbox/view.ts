/**
 * A folder as a reader sees it: its messages, what happens to them, and what the reader may do with them.
 *
 * A view is live. Messages are immutable values that all views of one folder share; a change replaces them. Changes
 * come as events, in order, each when its atomic unit is known to be stored; what the view's own orders change is told
 * too, before their promise resolves. A listener does bookkeeping only: it must not throw, wait, or call back.
 *
 * Every order is one atomic unit up to `UNIT_MAX` messages of its kind. A larger one is a row of units, each whole, and
 * stops at the first that fails: flags that were set, messages that were moved or removed by then stay so, and are told by
 * events; copies are taken back, as far as the store lets us. Orders reject with `MailboxRefusal` (say NO to the client) or
 * `StoreUnavailable` (try later).
 *
 * Spec: RFC 9051 (UID, flags, COPY, MOVE, EXPUNGE), RFC 7162 (CONDSTORE, QRESYNC), RFC 8474 (OBJECTID), RFC 8514.
 */
import type { Digest, Range } from "./digest.ts";
import type { Uid } from "./store.ts";

export interface Message {
  readonly uid: Uid;
  /** System flags in the spelling of RFC 9051 (`\Seen`), keywords as written; each once whatever its case. */
  readonly flags: readonly string[];
  /** ms since the epoch */
  readonly internalDate: number;
  /** When it was put into this folder; ms since the epoch. RFC 8514 */
  readonly saveDate: number;
  /** Octets: RFC822.SIZE. */
  readonly size: number;
  readonly modseq: number;
  readonly content: Content;
}

/** Where the octets are; the same for all copies of a message. */
export interface Content {
  /** Header lines of this mailbox's own, before the shared octets. */
  readonly prefix: string;
  readonly bodyId: string;
  /** Octets of the body without prefix. */
  readonly size: number;
}

export type FolderChange =
  | { readonly kind: "exists"; readonly messages: readonly Message[] }
  | { readonly kind: "flags"; readonly messages: readonly Message[] }
  /** In rising order. `modseq`: of the removal. */
  | { readonly kind: "vanished"; readonly uids: readonly Uid[]; readonly modseq: number }
  /** The folder was deleted: nothing can be done with this view any more. */
  | { readonly kind: "deleted" };

export interface FlagOrder {
  readonly uids: readonly Uid[];
  readonly how: "add" | "remove" | "replace";
  readonly flags: readonly string[];
  /** Only messages whose mod-sequence is not above it. RFC 7162 §3.1.3 */
  readonly unchangedSince?: number;
}

export interface FlagsStored {
  /** Those that exist and were not refused, as they are now, in UID order; also where nothing had to change. */
  readonly messages: readonly Message[];
  /** Refused by `unchangedSince`: for the response code MODIFIED. */
  readonly modified: readonly Uid[];
}

/** For COPYUID: the same place in both lists is the same message. RFC 4315 §3 */
export interface Copied {
  readonly uidValidity: number;
  readonly from: readonly Uid[];
  readonly to: readonly Uid[];
}

export interface Vanished {
  /** In rising order: removed after the mod-sequence that was asked for. */
  readonly uids: readonly Uid[];
  /** False: the list was cut before that; then every UID that is not there counts as vanished. RFC 7162 §3.2.10.2 */
  readonly complete: boolean;
}

export interface FolderView extends Disposable {
  readonly folder: FolderInfo;
  /** In UID order, as of now; a copy of its own only when `slice`d: it changes with the folder. */
  readonly messages: readonly Message[];
  message(uid: Uid): Message | undefined;
  /** Every keyword that some message has, for FLAGS and PERMANENTFLAGS. */
  keywords(): readonly string[];
  /** Returns what takes the wish back. */
  listen(listener: (change: FolderChange) => void): () => void;
  /** UIDs that do not exist are passed over, here and in the orders below. */
  store(order: FlagOrder, signal: AbortSignal): Promise<FlagsStored>;
  /** Removes messages whatever their flags; the caller picks those with `\Deleted`. Returns those that were there. */
  expunge(uids: readonly Uid[], signal: AbortSignal): Promise<readonly Uid[]>;
  /** Refused with `TRYCREATE` when the target does not exist, `OVERQUOTA` before anything is copied. */
  copy(uids: readonly Uid[], target: string, signal: AbortSignal): Promise<Copied>;
  /** Copy and removal of a message are one unit. `Copied.from` have vanished here. */
  move(uids: readonly Uid[], target: string, signal: AbortSignal): Promise<Copied>;
  /** In the order of the messages; from the cache, or a request per hundred messages. Never reads a body. */
  digests(messages: readonly Message[], signal: AbortSignal): Promise<readonly Digest[]>;
  /**
   * The octets, or the part of them that lies within the range; chunks outside it are not read. Throws
   * `StoreUnavailable` while it is iterated.
   */
  read(message: Message, range: Range | undefined, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Whole messages in the order asked for, by one request for all: those that `isSmall`, a hundred or so.
   * `undefined`: it cannot be had so; `read` tells why.
   */
  octets(messages: readonly Message[], signal: AbortSignal): Promise<readonly (Buffer | undefined)[]>;
  /** What was removed after `modseq`. Remembered: the last 200 removals of the folder, within 16 KiB. */
  vanished(modseq: number, signal: AbortSignal): Promise<Vanished>;
}

/** RFC 6154 §2; `\All`, `\Flagged` and `\Important` are not offered. */
export type SpecialUse = "\\Archive" | "\\Drafts" | "\\Junk" | "\\Sent" | "\\Trash";

export interface FolderInfo {
  /** MAILBOXID: stays when the folder is renamed. RFC 8474 §4 */
  readonly id: string;
  /** Levels are separated by `/`; NFC; INBOX in upper case. */
  readonly name: string;
  readonly use: SpecialUse | undefined;
  readonly subscribed: boolean;
  readonly hasChildren: boolean;
  readonly uidValidity: number;
  readonly uidNext: Uid;
  readonly messages: number;
  /** Without `\Seen`. */
  readonly unseen: number;
  /** With `\Deleted`. */
  readonly deleted: number;
  /** Octets of all messages: STATUS SIZE. RFC 8438 */
  readonly bytes: number;
  readonly highestModseq: number;
}
