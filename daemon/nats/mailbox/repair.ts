/**
 * Makes a mailbox agree with itself again: pure, from the inventory to the entries that mend it.
 *
 * Out:    entries without the ledger, and the ledger that goes with the last of them.
 */
import { added, type FolderLedger, figures, type Ledger, withFolder } from "../../mailbox/ledger.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Entry } from "../commit.ts";
import type { FoundRecord, Inventory } from "./inventory.ts";
import { encodeMark, encodeRecord } from "./records.ts";
import { deliverySubject, recordSubject, type Shard } from "./subjects.ts";
import { markOf, nameOf } from "./verify.ts";

const RECOVERED = "Recovered";
const NOTHING = new Uint8Array();

export interface Mending {
  readonly entries: readonly Entry[];
  readonly ledger: Ledger;
}

export interface MendingTarget {
  readonly shard: Shard;
  readonly mailbox: MailboxName;
  readonly now: number;
}

export function mend(target: MendingTarget, { ledger, records, marks }: Inventory): Mending {
  const entries: Entry[] = [];
  const known = new Set(ledger.folders.map(({ id }) => id));
  const recounted = recount(ledger, records);
  const strays = records.filter(({ folder }) => !known.has(folder));
  const after = recover(entries, target, recounted, strays);
  const places = new Map(marks.map((mark) => [nameOf(mark), mark]));
  for (const found of records) {
    const mark = places.get(markOf(found));
    places.delete(markOf(found));
    const agrees = mark?.place?.folder === found.folder && mark.place.uid === found.uid;
    if (known.has(found.folder) && !agrees) entries.push(markEntry(target, found, found.folder, found.uid));
  }
  for (const { subject } of places.values()) entries.push({ subject, data: NOTHING, ttl: "1s" });
  return { entries, ledger: after };
}

/** Every figure as the records have it; nothing that was promised (UIDNEXT, UIDVALIDITY) goes back. */
function recount(ledger: Ledger, records: readonly FoundRecord[]): Ledger {
  const modseq = Math.max(ledger.modseq, ...records.map(({ record }) => record.modseq)) + 1;
  const folders = ledger.folders.map((folder): FolderLedger => {
    const mine = records.filter((found) => found.folder === folder.id);
    const uidNext = Math.max(folder.uidNext, ...mine.map(({ uid }) => uid + 1));
    const highest = Math.max(folder.modseq, ...mine.map(({ record }) => record.modseq));
    return { ...folder, ...figures(mine.map(({ record }) => record)), uidNext, modseq: highest };
  });
  return {
    ...ledger,
    modseq,
    folders,
    messages: folders.reduce((sum, folder) => sum + folder.messages, 0),
    bytes: folders.reduce((sum, folder) => sum + folder.bytes, 0),
    uidFloor: Math.max(ledger.uidFloor, ...folders.map(({ uidValidity }) => uidValidity)),
    nextFolder: Math.max(ledger.nextFolder, ...records.map(({ folder }) => folder + 1)),
  };
}

function recover(
  entries: Entry[],
  target: MendingTarget,
  ledger: Ledger,
  strays: readonly FoundRecord[],
): Ledger {
  if (strays.length === 0) return ledger;
  const { base, folder } = withFolder(ledger, RECOVERED, target.now);
  const modseq = base.modseq + 1;
  for (const [i, stray] of strays.entries()) {
    const uid = folder.uidNext + i;
    const record = { ...stray.record, modseq, saveDate: target.now };
    const subject = recordSubject(target.shard, target.mailbox, folder.id, uid);
    entries.push({ subject, data: encodeRecord(record) });
    entries.push(markEntry(target, stray, folder.id, uid));
    entries.push({ subject: stray.subject, data: NOTHING, ttl: "3600s" });
  }
  return added(
    base,
    folder,
    modseq,
    strays.map(({ record }) => record),
  ).ledger;
}

function markEntry(
  { shard, mailbox }: MendingTarget,
  { record }: FoundRecord,
  folder: number,
  uid: number,
): Entry {
  const subject = deliverySubject(shard, record.bodyId, mailbox, record.deliveryId);
  return { subject, data: encodeMark(folder, uid) };
}
