/**
 * One message in one folder, as stores keep it.
 */
import { flagSet } from "./flags.ts";
import type { Uid } from "./store.ts";
import type { Message } from "./view.ts";

export interface MessageRecord {
  readonly flags: readonly string[];
  /** ms since the epoch */
  readonly internalDate: number;
  /** When it came into this folder; ms since the epoch. */
  readonly saveDate: number;
  /** Octets, prefix included. */
  readonly size: number;
  readonly modseq: number;
  readonly prefix: string;
  readonly bodyId: string;
  readonly chunks: number;
  /** Names, with body and mailbox, the mark that refers to the body as long as the message is there. */
  readonly deliveryId: string;
}

/** A message in memory: what readers see, and what is needed to write its record again. */
export interface Kept extends Message {
  readonly chunks: number;
  readonly deliveryId: string;
}

export const keptOf = (uid: Uid, record: MessageRecord): Kept => ({
  uid,
  flags: flagSet(record.flags),
  internalDate: record.internalDate,
  saveDate: record.saveDate,
  size: record.size,
  modseq: record.modseq,
  content: {
    prefix: record.prefix,
    bodyId: record.bodyId,
    size: record.size - (record.prefix === "" ? 0 : Buffer.byteLength(record.prefix)),
  },
  chunks: record.chunks,
  deliveryId: record.deliveryId,
});

export const recordOf = (kept: Kept): MessageRecord => ({
  flags: kept.flags,
  internalDate: kept.internalDate,
  saveDate: kept.saveDate,
  size: kept.size,
  modseq: kept.modseq,
  prefix: kept.content.prefix,
  bodyId: kept.content.bodyId,
  chunks: kept.chunks,
  deliveryId: kept.deliveryId,
});
