/**
 * What an order of a reader writes: pure, from the state that the cache shows to the unit that is to be stored.
 *
 * In:     the ledger, the folder's messages, the order.
 * Out:    ledger, edits and vanished logs of one unit, and what the order answers; no unit when nothing changes.
 * Fails:  `MailboxRefusal`.
 * Spec:   RFC 9051 §6.4 (STORE, COPY, MOVE, EXPUNGE), RFC 7162 §3.1.3 (UNCHANGEDSINCE), RFC 6851 (MOVE).
 */
import { changedFlags, isDeleted, isKeyword, isSeen, KEYWORD_OCTETS_MAX, KEYWORDS_MAX } from "./flags.ts";
import type { FolderCache } from "./folder-cache.ts";
import { target } from "./folders.ts";
import type { Edit, Unit } from "./journal.ts";
import { added, type FolderLedger, type Ledger, overQuota, removed, replaced } from "./ledger.ts";
import { type Kept, recordOf } from "./record.ts";
import { MailboxRefusal } from "./session.ts";
import type { Quota, Uid } from "./store.ts";
import { withRemoval } from "./vanished.ts";
import type { Copied, FlagOrder, FlagsStored } from "./view.ts";

export interface Planned<T> {
  readonly unit?: Omit<Unit, "expect">;
  readonly answer: T;
}

/** The folder as a plan sees it; `ledger` belongs to the same moment as the messages. */
export interface Source {
  readonly ledger: Ledger;
  readonly folder: FolderLedger;
  readonly cache: Pick<FolderCache, "find" | "log">;
}

const foundIn = (source: Source, uids: readonly Uid[]): Kept[] =>
  uids.flatMap((uid) => source.cache.find(uid) ?? []);

export function planFlags(source: Source, order: FlagOrder): Planned<FlagsStored> {
  const { ledger, folder } = source;
  const { unchangedSince = Number.POSITIVE_INFINITY, how, flags } = order;
  const modseq = ledger.modseq + 1;
  const messages: Kept[] = [];
  const modified: Uid[] = [];
  const edits: Edit[] = [];
  let { unseen, deleted } = folder;
  for (const message of foundIn(source, order.uids)) {
    if (message.modseq > unchangedSince) {
      modified.push(message.uid);
      continue;
    }
    const after = changedFlags(message.flags, how, flags);
    if (after === message.flags) {
      messages.push(message);
      continue;
    }
    checkFlags(after);
    unseen += Number(!isSeen(after)) - Number(!isSeen(message.flags));
    deleted += Number(isDeleted(after)) - Number(isDeleted(message.flags));
    const next: Kept = { ...message, flags: after, modseq };
    messages.push(next);
    edits.push({ kind: "change", folder: folder.id, uid: message.uid, record: recordOf(next) });
  }
  const answer = { messages, modified };
  if (edits.length === 0) return { answer };
  const nothing = { messages: 0, bytes: 0 };
  const after = { ...replaced(ledger, { ...folder, modseq, unseen, deleted }, nothing), modseq };
  return { answer, unit: { ledger: after, edits, logs: [] } };
}

export function checkFlags(flags: readonly string[]): void {
  const keywords = flags.filter(isKeyword);
  if (keywords.length > KEYWORDS_MAX)
    throw new MailboxRefusal("LIMIT", `a message takes at most ${KEYWORDS_MAX} keywords`);
  if (keywords.some((keyword) => keyword.length > KEYWORD_OCTETS_MAX))
    throw new MailboxRefusal("LIMIT", `a keyword has at most ${KEYWORD_OCTETS_MAX} characters`);
}

export function planExpunge(source: Source, uids: readonly Uid[]): Planned<readonly Uid[]> {
  const { ledger, folder, cache } = source;
  const going = foundIn(source, uids);
  if (going.length === 0) return { answer: [] };
  const modseq = ledger.modseq + 1;
  const edits = going.map(
    (message): Edit => ({ kind: "gone", folder: folder.id, uid: message.uid, record: recordOf(message) }),
  );
  const gone = going.map(({ uid }) => uid);
  const logs = [{ folder: folder.id, log: withRemoval(cache.log, modseq, gone) }];
  return { answer: gone, unit: { ledger: removed(ledger, folder, modseq, going), edits, logs } };
}

export interface CopyOrder {
  readonly uids: readonly Uid[];
  readonly target: string;
  readonly quota: Quota;
  readonly now: number;
  readonly newDeliveryId: () => string;
}

export function planCopy(source: Source, order: CopyOrder): Planned<Copied> {
  const { ledger } = source;
  const to = target(ledger, order.target);
  const copied = foundIn(source, order.uids);
  if (copied.length === 0) return { answer: { uidValidity: to.uidValidity, from: [], to: [] } };
  const bytes = copied.reduce((sum, { size }) => sum + size, 0);
  refuseOver(ledger, bytes, copied.length, order.quota);
  const modseq = ledger.modseq + 1;
  const edits = copied.map((message, i): Edit => {
    const uid = (to.uidNext + i) as Uid;
    const deliveryId = order.newDeliveryId();
    const record = { ...recordOf(message), modseq, saveDate: order.now, deliveryId };
    return { kind: "new", folder: to.id, uid, record };
  });
  const after = added(ledger, to, modseq, copied).ledger;
  return { answer: copiedAnswer(to, copied), unit: { ledger: after, edits, logs: [] } };
}

export function planMove(source: Source, order: Pick<CopyOrder, "uids" | "target" | "now">): Planned<Copied> {
  const { ledger, folder, cache } = source;
  const to = target(ledger, order.target);
  const moved = foundIn(source, order.uids);
  if (moved.length === 0) return { answer: { uidValidity: to.uidValidity, from: [], to: [] } };
  const modseq = ledger.modseq + 1;
  const edits = moved.map((message, i): Edit => {
    const uid = (to.uidNext + i) as Uid;
    const from = { folder: folder.id, uid: message.uid };
    const record = { ...recordOf(message), modseq, saveDate: order.now };
    return { kind: "moved", folder: to.id, uid, record, from };
  });
  const less = removed(ledger, folder, modseq, moved);
  // Into the folder itself is allowed: the messages get new UIDs there.
  const goal = less.folders.find(({ id }) => id === to.id) ?? to;
  const after = added(less, goal, modseq, moved).ledger;
  const gone = moved.map(({ uid }) => uid);
  const logs = [{ folder: folder.id, log: withRemoval(cache.log, modseq, gone) }];
  return { answer: copiedAnswer(to, moved), unit: { ledger: after, edits, logs } };
}

const copiedAnswer = (to: FolderLedger, messages: readonly Kept[]): Copied => ({
  uidValidity: to.uidValidity,
  from: messages.map(({ uid }) => uid),
  to: messages.map((_, i) => (to.uidNext + i) as Uid),
});

export function refuseOver(ledger: Ledger, bytes: number, messages: number, quota: Quota): void {
  if (overQuota(ledger, bytes, messages, quota))
    throw new MailboxRefusal("OVERQUOTA", "the mailbox has no room for that");
}
