/**
 * All that the stream holds of one mailbox, for those who verify and repair it.
 *
 * Records and marks may change while they are read: the caller reads again when the ledger's sequence has moved.
 */
import type { Ledger } from "../../mailbox/ledger.ts";
import type { MessageRecord } from "../../mailbox/record.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import type { Ledgers } from "./ledgers.ts";
import { recordsUnder } from "./pages.ts";
import { decodeMark, decodeRecord } from "./records.ts";
import { decodeToken, encodeToken, mailStream, type Shard } from "./subjects.ts";

export interface InventoryParts {
  readonly link: Link;
  readonly shard: Shard;
  readonly ledgers: Ledgers;
}

export interface FoundRecord {
  readonly subject: string;
  readonly folder: number;
  readonly uid: number;
  readonly record: MessageRecord;
}

export interface FoundMark {
  readonly subject: string;
  readonly bodyId: string;
  readonly deliveryId: string;
  readonly place: { readonly folder: number; readonly uid: number } | undefined;
}

export interface Inventory {
  readonly ledger: Ledger;
  readonly sequence: number;
  readonly records: readonly FoundRecord[];
  /** Those that refer to a body. */
  readonly marks: readonly FoundMark[];
}

const READS = 10;

/** Of one moment. Throws `StoreFault`; an error when the mailbox does not stand still for long enough. */
export async function takeInventory(
  { link, shard, ledgers }: InventoryParts,
  mailbox: MailboxName,
  signal: AbortSignal,
): Promise<Inventory> {
  for (let read = 1; ; read++) {
    const { ledger, sequence } = await ledgers.load(mailbox);
    const records = await findRecords(link, shard, mailbox, signal);
    const marks = await findMarks(link, shard, mailbox, signal);
    if ((await ledgers.load(mailbox)).sequence === sequence) return { ledger, sequence, records, marks };
    if (read === READS) throw new Error(`${mailbox} changes all the time: try again when it is quieter`);
  }
}

async function findRecords(link: Link, shard: Shard, mailbox: MailboxName, signal: AbortSignal) {
  const found = new Map<string, FoundRecord>();
  const filter = `m${shard}.r.${encodeToken(mailbox)}.>`;
  for await (const { subject, data } of recordsUnder(link, mailStream(shard), filter, signal)) {
    const [, , , folder, uid] = subject.split(".");
    if (data.length === 0) found.delete(subject);
    else
      found.set(subject, { subject, folder: Number(folder), uid: Number(uid), record: decodeRecord(data) });
  }
  return [...found.values()];
}

async function findMarks(link: Link, shard: Shard, mailbox: MailboxName, signal: AbortSignal) {
  const found = new Map<string, FoundMark>();
  const filter = `m${shard}.d.*.${encodeToken(mailbox)}.*`;
  for await (const { subject, data } of recordsUnder(link, mailStream(shard), filter, signal)) {
    const [, , body = "", , id = ""] = subject.split(".");
    const mark = {
      subject,
      bodyId: decodeToken(body),
      deliveryId: decodeToken(id),
      place: decodeMark(data),
    };
    if (data.length === 0) found.delete(subject);
    else found.set(subject, mark);
  }
  return [...found.values()];
}
