/**
 * What a mailbox cache asks of a store: to follow a mailbox, to load a folder, and to store a unit of changes wholly or
 * not at all. `daemon/nats/mailbox/journal.ts` implements it on JetStream, `daemon/mailbox/memory-journal.ts` in memory.
 */
import type { Digest, Range } from "./digest.ts";
import type { Ledger } from "./ledger.ts";
import type { MessageRecord } from "./record.ts";
import type { MailboxName, Uid } from "./store.ts";
import type { VanishedLog } from "./vanished.ts";
import type { Content } from "./view.ts";

/** Another writer was first: the ledger is not the one that was expected any more. Nothing was stored. */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
}

export interface Place {
  readonly folder: number;
  readonly uid: Uid;
}

export type Edit =
  /** A message that was not in the mailbox before: its mark begins to refer to the body. */
  | (Place & { readonly kind: "new"; readonly record: MessageRecord; readonly staged?: Staged })
  | (Place & { readonly kind: "change"; readonly record: MessageRecord })
  /** The same message at another place; `record` names the same mark. */
  | (Place & { readonly kind: "moved"; readonly record: MessageRecord; readonly from: Place })
  /** `record` as it was: its mark ceases to refer to the body. */
  | (Place & { readonly kind: "gone"; readonly record: MessageRecord });

export interface Unit {
  /** The ledger's sequence; 0: there is none yet. */
  readonly expect: number;
  readonly ledger: Ledger;
  readonly edits: readonly Edit[];
  readonly logs: readonly { readonly folder: number; readonly log: VanishedLog }[];
}

/** What a follower hears of a unit. */
export interface Told {
  readonly sequence: number;
  readonly ledger: Ledger;
  /** `undefined`: the message is not there any more. */
  readonly records: readonly (Place & { readonly record: MessageRecord | undefined })[];
  readonly logs: readonly { readonly folder: number; readonly log: VanishedLog }[];
}

/** A body that is stored, or travels with the unit that names it first. */
export interface Staged {
  readonly bodyId: string;
  readonly size: number;
  readonly chunks: number;
}

export interface Loaded {
  /** The highest sequence of what was read: the folder is whole when the ledger has come as far. */
  readonly sequence: number;
  readonly records: readonly (readonly [uid: Uid, record: MessageRecord])[];
  readonly log: VanishedLog;
  /** The ledger's sequence as it was where the folder was read, which may lag behind: nothing older is missing. */
  readonly asOf: number;
}

/** Who follows a mailbox. */
export interface Follower {
  /** Every later unit, in order and without gaps. */
  readonly told: (unit: Told) => void;
  /** The store was brought back from a copy: what was told is not so any more. Nothing is told after it. */
  readonly lost: () => void;
}

export interface Followed extends AsyncDisposable {
  readonly sequence: number;
  readonly ledger: Ledger;
}

export interface Journal {
  readonly mailbox: MailboxName;
  /** The ledger as the leader has it; the follower hears what comes after it. */
  follow(follower: Follower, signal: AbortSignal): Promise<Followed>;
  /** The leader has an older ledger than was told: looks whether the store was brought back, and tells so. */
  doubt(): Promise<void>;
  load(folder: number, signal: AbortSignal): Promise<Loaded>;
  /** The sequence of the mailbox's ledger, by the leader. */
  latest(): Promise<number>;
  /** Writers of this process take turns, so that they do not overtake each other; `known`: the last sequence written. */
  turn<T>(work: (known: number) => Promise<T>): Promise<T>;
  /** The ledger's new sequence. Throws `Overtaken`, `StoreUnavailable`. At most so many edits as `UNIT_MAX` says. */
  commit(unit: Unit): Promise<number>;
  /** Takes in a body's octets and digests them. Throws `StoreUnavailable` when they are not `size`. */
  stage(size: number, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Staged>;
  digests(contents: readonly Content[], signal: AbortSignal): Promise<readonly Digest[]>;
  read(content: Content, range: Range | undefined, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Whole messages, prefix included, in the order asked for, by one request for all: small ones (`SMALL`), and few enough
   * that their octets may be held. `undefined`: its octets are not there (any more).
   */
  octets(contents: readonly Content[], signal: AbortSignal): Promise<readonly (Buffer | undefined)[]>;
  /** An id that no message had before. */
  newDeliveryId(): string;
}

/** Octets of a body that is read at once. */
export const SMALL = 256 << 10;

/**
 * Messages of one unit, by what is done to them: a batch of JetStream holds 1,000 entries, and an edit is one entry (flags),
 * two (a copy) or three (a move, a removal).
 */
export const UNIT_MAX = { flags: 900, copies: 450, moves: 300, removals: 300 } as const;
