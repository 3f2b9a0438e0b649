/**
 * A mailbox's ledger: folders, UIDs and figures, and what filing a message does to them. Pure; every store keeps its
 * truth in one ledger per mailbox and replaces it as a whole.
 *
 * In:     a ledger and the facts of a message.
 * Out:    the ledger after it, with the UID that the message got; or the refusal of the quota, and nothing changed.
 * Spec:   RFC 9051 §2.3.1.1 (UID, UIDVALIDITY), RFC 7162 §3.1 (mod-sequences), RFC 9208 (quota).
 */
import { isDeleted, isSeen } from "./flags.ts";
import { compareNames, folderName, parentsOf } from "./names.ts";
import type { FolderStatus, MailboxName, MailboxStatus, Quota, Uid } from "./store.ts";
import type { SpecialUse } from "./view.ts";

export interface FolderLedger {
  /** Names the folder in the store; survives a change of its name, never used again. */
  readonly id: number;
  readonly name: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** HIGHESTMODSEQ */
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly bytes: number;
  readonly use?: SpecialUse;
  /** No message counts as older, and of earlier removals nothing is known: set by a restoration (`restored.ts`). */
  readonly floor?: number;
}

export interface Ledger {
  /** The highest UIDVALIDITY that any folder of this mailbox ever had. */
  readonly uidFloor: number;
  /** The id that the next folder gets. */
  readonly nextFolder: number;
  /** The mailbox's mod-sequence; rises with every change. */
  readonly modseq: number;
  readonly bytes: number;
  readonly messages: number;
  readonly folders: readonly FolderLedger[];
  /** The standard folders were made: what the user deletes of them stays deleted. */
  readonly furnished: boolean;
  /** Names, whether there is such a folder or not. */
  readonly subscriptions: readonly string[];
}

export interface Facts {
  readonly folder: string;
  /** Octets with prefix. */
  readonly size: number;
  readonly flags: readonly string[];
  /** ms since the epoch; time of filing */
  readonly now: number;
}

export interface Place {
  readonly kind: "filed";
  readonly ledger: Ledger;
  readonly folder: FolderLedger;
  readonly uid: Uid;
  readonly modseq: number;
}

export interface Refusal {
  readonly kind: "overQuota";
  readonly used: number;
  readonly limit: number;
}

/** An empty folder has HIGHESTMODSEQ 1, and its first message a higher one. RFC 7162 §3.1.2.1 */
export const emptyLedger: Ledger = {
  uidFloor: 0,
  nextFolder: 1,
  modseq: 1,
  bytes: 0,
  messages: 0,
  folders: [],
  furnished: false,
  subscriptions: [],
};

export const UID_MAX = 2 ** 32 - 1;

export const folderOf = (ledger: Ledger, name: string): FolderLedger | undefined => {
  const wanted = folderName(name);
  return ledger.folders.find((folder) => folder.name === wanted);
};

/** Rises with time, and with every folder even when the clock stands still or goes back. */
const nextUidValidity = (floor: number, now: number): number =>
  Math.min(UID_MAX, Math.max(floor + 1, Math.floor(now / 1000)));

/** Throws `RangeError` when a folder has used up its UIDs. */
export function file(ledger: Ledger, facts: Facts, quota: Quota): Place | Refusal {
  const refusal = overQuota(ledger, facts.size, 1, quota);
  if (refusal) return refusal;
  const { base, folder } = withFolder(ledger, folderName(facts.folder), facts.now);
  const modseq = base.modseq + 1;
  const { ledger: next, after } = added(base, folder, modseq, [facts]);
  return { kind: "filed", ledger: next, folder: after, uid: folder.uidNext as Uid, modseq };
}

/** Messages that come into a folder take the UIDs from `folder.uidNext` on. Throws `RangeError` when there is none. */
export function added(
  ledger: Ledger,
  folder: FolderLedger,
  modseq: number,
  messages: readonly Pick<Facts, "size" | "flags">[],
): { readonly ledger: Ledger; readonly after: FolderLedger } {
  if (folder.uidNext + messages.length - 1 > UID_MAX)
    throw new RangeError(`folder ${folder.name} has no UID left`);
  const sum = figures(messages);
  const after: FolderLedger = {
    ...folder,
    uidNext: folder.uidNext + messages.length,
    modseq,
    messages: folder.messages + sum.messages,
    unseen: folder.unseen + sum.unseen,
    deleted: folder.deleted + sum.deleted,
    bytes: folder.bytes + sum.bytes,
  };
  return { ledger: { ...replaced(ledger, after, sum), modseq }, after };
}

export function removed(
  ledger: Ledger,
  folder: FolderLedger,
  modseq: number,
  messages: readonly Pick<Facts, "size" | "flags">[],
): Ledger {
  const sum = figures(messages);
  const after: FolderLedger = {
    ...folder,
    modseq,
    messages: folder.messages - sum.messages,
    unseen: folder.unseen - sum.unseen,
    deleted: folder.deleted - sum.deleted,
    bytes: folder.bytes - sum.bytes,
  };
  return { ...replaced(ledger, after, { messages: -sum.messages, bytes: -sum.bytes }), modseq };
}

interface Figures {
  readonly messages: number;
  readonly bytes: number;
}

/** The ledger with another state of a folder; its own figures move along. */
export function replaced(ledger: Ledger, after: FolderLedger, sum: Figures): Ledger {
  return {
    ...ledger,
    bytes: ledger.bytes + sum.bytes,
    messages: ledger.messages + sum.messages,
    folders: ledger.folders.map((folder) => (folder.id === after.id ? after : folder)),
  };
}

export function figures(messages: readonly Pick<Facts, "size" | "flags">[]) {
  const sum = { messages: messages.length, bytes: 0, unseen: 0, deleted: 0 };
  for (const { size, flags } of messages) {
    sum.bytes += size;
    if (!isSeen(flags)) sum.unseen++;
    if (isDeleted(flags)) sum.deleted++;
  }
  return sum;
}

export function overQuota(
  ledger: Ledger,
  bytes: number,
  messages: number,
  quota: Quota,
): Refusal | undefined {
  if (quota.bytes !== undefined && ledger.bytes + bytes > quota.bytes)
    return { kind: "overQuota", used: ledger.bytes, limit: quota.bytes };
  if (quota.messages !== undefined && ledger.messages + messages > quota.messages)
    return { kind: "overQuota", used: ledger.messages, limit: quota.messages };
  return undefined;
}

/** The folder, made with its parents when it does not exist. In: a name as `folderName` gives it. */
export function withFolder(
  ledger: Ledger,
  name: string,
  now: number,
  use?: SpecialUse,
): { readonly base: Ledger; readonly folder: FolderLedger } {
  const found = ledger.folders.find((folder) => folder.name === name);
  if (found) return { base: ledger, folder: found };
  let base = ledger;
  for (const parent of parentsOf(name))
    if (!base.folders.some((folder) => folder.name === parent)) base = withNew(base, parent, now).base;
  return withNew(base, name, now, use);
}

function withNew(ledger: Ledger, name: string, now: number, use?: SpecialUse) {
  const uidValidity = nextUidValidity(ledger.uidFloor, now);
  const folder: FolderLedger = {
    id: ledger.nextFolder,
    name,
    uidValidity,
    uidNext: 1,
    modseq: ledger.modseq,
    messages: 0,
    unseen: 0,
    deleted: 0,
    bytes: 0,
    ...(use === undefined ? {} : { use }),
  };
  const folders = [...ledger.folders, folder];
  return { base: { ...ledger, uidFloor: uidValidity, nextFolder: folder.id + 1, folders }, folder };
}

/** The ledger as the port shows it; folders by name, INBOX first. */
export function statusOf(mailbox: MailboxName, ledger: Ledger): MailboxStatus {
  const folders = ledger.folders.map(
    ({ name, uidValidity, uidNext, messages, unseen, bytes }): FolderStatus => ({
      name,
      uidValidity,
      uidNext: uidNext as Uid,
      messages,
      unseen,
      bytes,
    }),
  );
  folders.sort((a, b) => compareNames(a.name, b.name));
  return { mailbox, bytes: ledger.bytes, messages: ledger.messages, folders };
}
