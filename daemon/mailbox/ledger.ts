/**
 * A mailbox's ledger: folders, UIDs and figures, and what filing a message does to them. Pure; every store keeps its
 * truth in one ledger per mailbox and replaces it as a whole.
 *
 * In:     a ledger and the facts of a message.
 * Out:    the ledger after it, with the UID that the message got; or the refusal of the quota, and nothing changed.
 * Spec:   RFC 9051 §2.3.1.1 (UID, UIDVALIDITY), §5.1 (INBOX in any case), RFC 7162 §3.1 (mod-sequences), RFC 9208.
 */
import type { FolderStatus, MailboxName, MailboxStatus, Quota, Uid } from "./store.ts";

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
  readonly bytes: number;
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

export const emptyLedger: Ledger = {
  uidFloor: 0,
  nextFolder: 1,
  modseq: 0,
  bytes: 0,
  messages: 0,
  folders: [],
};

const UID_MAX = 2 ** 32 - 1;

/** `inbox` in any case is INBOX; every other name counts as it is written. RFC 9051 §5.1 */
export const folderName = (name: string): string => (name.toUpperCase() === "INBOX" ? "INBOX" : name);

export const folderOf = (ledger: Ledger, name: string): FolderLedger | undefined => {
  const wanted = folderName(name);
  return ledger.folders.find((folder) => folder.name === wanted);
};

/** Rises with time, and with every folder even when the clock stands still or goes back. */
const nextUidValidity = (floor: number, now: number): number =>
  Math.min(UID_MAX, Math.max(floor + 1, Math.floor(now / 1000)));

/** Throws `RangeError` when a folder has used up its UIDs. */
export function file(ledger: Ledger, facts: Facts, quota: Quota): Place | Refusal {
  const refusal = overQuota(ledger, facts.size, quota);
  if (refusal) return refusal;
  const { base, folder } = withFolder(ledger, folderName(facts.folder), facts.now);
  if (folder.uidNext > UID_MAX) throw new RangeError(`folder ${folder.name} has no UID left`);
  const modseq = base.modseq + 1;
  const after: FolderLedger = {
    ...folder,
    uidNext: folder.uidNext + 1,
    modseq,
    messages: folder.messages + 1,
    unseen: folder.unseen + (isSeen(facts.flags) ? 0 : 1),
    bytes: folder.bytes + facts.size,
  };
  const next: Ledger = {
    ...base,
    modseq,
    bytes: base.bytes + facts.size,
    messages: base.messages + 1,
    folders: base.folders.map((f) => (f.id === after.id ? after : f)),
  };
  return { kind: "filed", ledger: next, folder: after, uid: folder.uidNext as Uid, modseq };
}

function overQuota(ledger: Ledger, size: number, quota: Quota): Refusal | undefined {
  if (quota.bytes !== undefined && ledger.bytes + size > quota.bytes)
    return { kind: "overQuota", used: ledger.bytes, limit: quota.bytes };
  if (quota.messages !== undefined && ledger.messages + 1 > quota.messages)
    return { kind: "overQuota", used: ledger.messages, limit: quota.messages };
  return undefined;
}

/** The folder, made when it does not exist. */
function withFolder(ledger: Ledger, name: string, now: number): { base: Ledger; folder: FolderLedger } {
  const found = ledger.folders.find((folder) => folder.name === name);
  if (found) return { base: ledger, folder: found };
  const uidValidity = nextUidValidity(ledger.uidFloor, now);
  const folder: FolderLedger = {
    id: ledger.nextFolder,
    name,
    uidValidity,
    uidNext: 1,
    modseq: ledger.modseq,
    messages: 0,
    unseen: 0,
    bytes: 0,
  };
  const folders = [...ledger.folders, folder];
  return { base: { ...ledger, uidFloor: uidValidity, nextFolder: folder.id + 1, folders }, folder };
}

/** Flags are compared without regard to case. RFC 9051 §2.3.2 */
const isSeen = (flags: readonly string[]) => flags.some((flag) => flag.toLowerCase() === "\\seen");

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
  const rank = (name: string) => (name === "INBOX" ? "" : `/${name}`);
  folders.sort((a, b) => (rank(a.name) < rank(b.name) ? -1 : 1));
  return { mailbox, bytes: ledger.bytes, messages: ledger.messages, folders };
}
