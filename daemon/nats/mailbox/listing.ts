/**
 * A folder's messages in UID order, as complete as its ledger says.
 *
 * Records come from any replica, which may lag behind the ledger; then they are read again. Messages that are filed
 * while we read are left to the next listing, so that ledger and list agree.
 *
 * Fails: `StoreFault`. A list that stays incomplete is given as it is, with a warning: better than no mailbox.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type FolderLedger, folderOf } from "../../mailbox/ledger.ts";
import type { MailboxName, StoredMessage, Uid } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import type { Ledgers } from "./ledgers.ts";
import { recordsUnder } from "./pages.ts";
import { decodeRecord } from "./records.ts";
import { folderRecords, mailStream, type Shard, uidOf } from "./subjects.ts";

export interface ListingParts {
  readonly link: Link;
  readonly shard: Shard;
  readonly ledgers: Ledgers;
  readonly clock: Clock;
  readonly log: Log;
}

const READS = 5;
const PAUSE_MS = 100;

export async function folderListing(
  parts: ListingParts,
  mailbox: MailboxName,
  name: string,
  signal: AbortSignal,
): Promise<Iterable<StoredMessage>> {
  for (let read = 1; ; read++) {
    const { ledger } = await parts.ledgers.load(mailbox);
    const folder = folderOf(ledger, name);
    if (!folder) return [];
    const found = await readFolder(parts, mailbox, folder, signal);
    if (found.length >= folder.messages) return found;
    if (read === READS) {
      const fields = { mailbox, folder: folder.name, found: found.length, expected: folder.messages };
      parts.log.warn(fields, "a folder's listing is incomplete");
      return found;
    }
    await parts.clock.sleep(PAUSE_MS, signal);
  }
}

async function readFolder(
  { link, shard }: ListingParts,
  mailbox: MailboxName,
  folder: FolderLedger,
  signal: AbortSignal,
): Promise<StoredMessage[]> {
  const byUid = new Map<Uid, StoredMessage>();
  const filter = folderRecords(shard, mailbox, folder.id);
  for await (const { subject, data } of recordsUnder(link, mailStream(shard), filter, signal)) {
    const uid = uidOf(subject) as Uid;
    if (data.length === 0 || uid >= folder.uidNext) continue;
    const { flags, internalDate, size, modseq } = decodeRecord(data);
    byUid.set(uid, { folder: folder.name, uid, flags, internalDate, size, modseq });
  }
  return [...byUid.values()].sort((a, b) => a.uid - b.uid);
}
