/**
 * From a unit of changes to the entries of one atomic batch: pure.
 *
 * The first entry is a subject that nobody writes again (a new mark, or a receipt): it can tell whether the unit was
 * stored when the answer was lost. The ledger is the last: whoever follows the mailbox takes it for the unit's end.
 */
import type { Edit, Unit } from "../../mailbox/journal.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Entry } from "../commit.ts";
import type { Carried } from "./bodies.ts";
import { encodeLedger, encodeLog, encodeMark, encodeNote, encodeRecord } from "./records.ts";
import {
  chunkSubject,
  deliverySubject,
  garbageSubject,
  headSubject,
  ledgerSubject,
  logSubject,
  receiptSubject,
  recordSubject,
  type Shard,
} from "./subjects.ts";

export interface UnitTarget {
  readonly shard: Shard;
  readonly mailbox: MailboxName;
  readonly now: number;
  readonly receipt: string;
  /** How long a delivery is remembered whose message was removed, ms. */
  readonly rememberMs: number;
  /** Bodies that travel with the unit. */
  readonly carried: (edit: Edit) => Carried | undefined;
}

const NOTHING = new Uint8Array();
const RECEIPT_TTL = "120s";
/** Those who follow the mailbox must have seen that it is gone; who was away for longer counts and reads again. */
const GONE_TTL = "3600s";
/** Delivery ids that were made here begin with it: nobody delivers them again. */
export const OWN_ID = "+";

export function unitEntries(target: UnitTarget, unit: Unit): Entry[] {
  const { shard, mailbox } = target;
  const entries: Entry[] = [];
  if (unit.edits[0]?.kind !== "new")
    entries.push({
      subject: receiptSubject(shard, target.receipt),
      data: NOTHING,
      expect: 0,
      ttl: RECEIPT_TTL,
    });
  const notes = new Set<string>();
  for (const edit of unit.edits) {
    pushEdit(entries, target, edit);
    if (edit.kind === "gone" && edit.record.chunks > 0) notes.add(edit.record.bodyId);
  }
  const note = encodeNote({ since: target.now, why: "expunged" });
  for (const bodyId of notes) entries.push({ subject: garbageSubject(shard, bodyId), data: note });
  for (const { folder, log } of unit.logs)
    entries.push({ subject: logSubject(shard, mailbox, folder), data: encodeLog(log) });
  entries.push({
    subject: ledgerSubject(shard, mailbox),
    data: encodeLedger(unit.ledger),
    expect: unit.expect,
  });
  return entries;
}

function pushEdit(entries: Entry[], target: UnitTarget, edit: Edit): void {
  const { shard, mailbox } = target;
  const { folder, uid, record } = edit;
  const subject = recordSubject(shard, mailbox, folder, uid);
  const mark = deliverySubject(shard, record.bodyId, mailbox, record.deliveryId);
  switch (edit.kind) {
    case "new":
      entries.push({ subject: mark, data: encodeMark(folder, uid), expect: 0 });
      entries.push({ subject, data: encodeRecord(record), expect: 0 });
      return pushBody(entries, target, edit);
    case "change":
      entries.push({ subject, data: encodeRecord(record) });
      return;
    case "moved": {
      const before = recordSubject(shard, mailbox, edit.from.folder, edit.from.uid);
      entries.push({ subject, data: encodeRecord(record), expect: 0 });
      entries.push({ subject: mark, data: encodeMark(folder, uid) });
      entries.push({ subject: before, data: NOTHING, ttl: GONE_TTL });
      return;
    }
    case "gone":
      entries.push({ subject, data: NOTHING, ttl: GONE_TTL });
      entries.push({ subject: mark, data: NOTHING, ttl: markTtl(target, edit) });
  }
}

function pushBody(entries: Entry[], target: UnitTarget, edit: Edit): void {
  const body = target.carried(edit);
  if (!body) return;
  const { bodyId } = edit.record;
  entries.push({ subject: headSubject(target.shard, bodyId), data: body.head });
  entries.push({ subject: chunkSubject(target.shard, bodyId, 0), data: body.octets });
}

/** A mark that holds nothing refers to nothing, but still tells a repeated delivery. */
function markTtl({ now, rememberMs }: UnitTarget, { record }: Edit): string {
  if (record.deliveryId.startsWith(OWN_ID)) return "1s";
  const left = record.internalDate + rememberMs - now;
  return `${Math.max(1, Math.ceil(Math.min(left, rememberMs) / 1000))}s`;
}
