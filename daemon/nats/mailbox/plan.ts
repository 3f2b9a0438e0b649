/**
 * What filing a group of deliveries writes: pure.
 *
 * In:     the mailbox's ledger with its sequence, and the group.
 * Out:    the entries of one atomic unit, the ledger after it, each message's place, and whom the quota refuses.
 *
 * The first entry is a delivery mark: it is written once and stays, so it can tell whether a unit was stored when the
 * answer was lost. The ledger is the last.
 */
import { flagSet } from "../../mailbox/flags.ts";
import { type FolderLedger, file, type Ledger } from "../../mailbox/ledger.ts";
import type { MailboxName, Uid } from "../../mailbox/store.ts";
import type { Entry } from "../commit.ts";
import { chunksOf } from "./chunks.ts";
import type { Pending } from "./lane.ts";
import type { HeldLedger } from "./ledgers.ts";
import { encodeLedger, encodeMark, encodeRecord } from "./records.ts";
import { chunkSubject, headSubject, ledgerSubject, recordSubject, type Shard } from "./subjects.ts";

export interface Placed {
  readonly pending: Pending;
  readonly uid: Uid;
  readonly uidValidity: number;
  /** Index of the entry that is the head of a carried body. */
  readonly headEntry?: number;
}

export interface Refused {
  readonly pending: Pending;
  readonly used: number;
  readonly limit: number;
}

export interface Plan {
  readonly entries: readonly Entry[];
  readonly after: Ledger;
  readonly placed: readonly Placed[];
  readonly refused: readonly Refused[];
}

export interface PlanTarget {
  readonly shard: Shard;
  readonly mailbox: MailboxName;
  readonly held: HeldLedger;
  readonly now: number;
}

export function planGroup(target: PlanTarget, group: readonly Pending[]): Plan {
  const { shard, mailbox, held, now } = target;
  const entries: Entry[] = [];
  const placed: Placed[] = [];
  const refused: Refused[] = [];
  let ledger = held.ledger;
  for (const pending of group) {
    const { folder, flags, quota, bodyId } = pending.delivery;
    const place = file(ledger, { folder, flags, size: pending.size, now }, quota);
    if (place.kind === "overQuota") {
      refused.push({ pending, used: place.used, limit: place.limit });
      continue;
    }
    ledger = place.ledger;
    const { uid, modseq } = place;
    entries.push({ subject: pending.mark, data: encodeMark(place.folder.id, uid), expect: 0 });
    entries.push(recordEntry(target, pending, place.folder, uid, modseq));
    const spot = { pending, uid, uidValidity: place.folder.uidValidity };
    if (pending.claim.kind === "carried") {
      placed.push({ ...spot, headEntry: entries.length });
      entries.push({ subject: headSubject(shard, bodyId), data: pending.claim.head });
      entries.push({ subject: chunkSubject(shard, bodyId, 0), data: pending.claim.octets });
    } else placed.push(spot);
  }
  const subject = ledgerSubject(shard, mailbox);
  if (placed.length > 0) entries.push({ subject, data: encodeLedger(ledger), expect: held.sequence });
  return { entries, after: ledger, placed, refused };
}

function recordEntry(
  { shard, mailbox }: PlanTarget,
  { delivery, claim, size }: Pending,
  folder: FolderLedger,
  uid: Uid,
  modseq: number,
): Entry {
  const { bodyId, deliveryId, prefix } = delivery;
  const data = encodeRecord({
    flags: flagSet(delivery.flags),
    internalDate: delivery.receivedAt,
    saveDate: delivery.receivedAt,
    size,
    modseq,
    prefix,
    bodyId,
    chunks: chunksOf(delivery.size),
    deliveryId,
  });
  const subject = recordSubject(shard, mailbox, folder.id, uid);
  return claim.kind === "relied"
    ? { subject, data, expect: claim.head, on: headSubject(shard, bodyId) }
    : { subject, data, expect: 0 };
}
