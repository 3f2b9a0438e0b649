/**
 * All that the stream holds of one mailbox, for those who verify and repair it.
 *
 * Records and marks may change while they are read: then the ledger's sequence has moved, and all is read again. They are read
 * from copies of the stream that know that ledger: what one that lags behind does not know would be mended away.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Ledger } from "../../mailbox/ledger.ts";
import type { MessageRecord } from "../../mailbox/record.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import { StoreFault } from "../fault.ts";
import { recordsSince } from "../holdings.ts";
import type { Ledgers } from "./ledgers.ts";
import type { PageRecord } from "./pages.ts";
import { decodeMark, decodeRecord } from "./records.ts";
import { decodeToken, encodeToken, mailStream, type Shard } from "./subjects.ts";

export interface InventoryParts {
  readonly link: Link;
  readonly shard: Shard;
  readonly ledgers: Ledgers;
  readonly clock: Pick<Clock, "sleep">;
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
const PAUSE_MS = 200;

/** Of one moment. Throws `StoreFault`; an error when the mailbox does not stand still for long enough. */
export async function takeInventory(
  parts: InventoryParts,
  mailbox: MailboxName,
  signal: AbortSignal,
): Promise<Inventory> {
  for (let read = 1; ; read++) {
    const found = await readOnce(parts, mailbox, signal);
    if (found) return found;
    if (read === READS) throw new Error(`${mailbox} changes all the time: try again when it is quieter`);
    await parts.clock.sleep(PAUSE_MS, signal);
  }
}

/** `undefined`: it changed meanwhile, or whoever was asked does not know all of it. */
async function readOnce(
  { link, shard, ledgers }: InventoryParts,
  mailbox: MailboxName,
  signal: AbortSignal,
): Promise<Inventory | undefined> {
  const { ledger, sequence } = await ledgers.load(mailbox);
  const under = (filter: string) =>
    recordsSince(link, { stream: mailStream(shard), filter, since: sequence }, signal);
  try {
    const records = await foundRecords(under(`m${shard}.r.${encodeToken(mailbox)}.>`));
    const marks = await foundMarks(under(`m${shard}.d.*.${encodeToken(mailbox)}.*`));
    const after = await ledgers.load(mailbox);
    return after.sequence === sequence ? { ledger, sequence, records, marks } : undefined;
  } catch (error) {
    if (error instanceof StoreFault && error.kind === "busy") return undefined;
    throw error;
  }
}

async function foundRecords(under: AsyncIterable<PageRecord>): Promise<readonly FoundRecord[]> {
  const found: FoundRecord[] = [];
  for await (const { subject, data } of under) {
    if (data.length === 0) continue;
    const [, , , folder, uid] = subject.split(".");
    found.push({ subject, folder: Number(folder), uid: Number(uid), record: decodeRecord(data) });
  }
  return found;
}

async function foundMarks(under: AsyncIterable<PageRecord>): Promise<readonly FoundMark[]> {
  const found: FoundMark[] = [];
  for await (const { subject, data } of under) {
    if (data.length === 0) continue;
    const [, , body = "", , id = ""] = subject.split(".");
    found.push({ subject, bodyId: decodeToken(body), deliveryId: decodeToken(id), place: decodeMark(data) });
  }
  return found;
}
