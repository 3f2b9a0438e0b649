/**
 * How ledgers, message records and delivery marks lie in the stream: JSON with short names, and a version in each
 * ledger.
 *
 * Out:   typed values.
 * Fails: decoding throws `SyntaxError` on what is not ours.
 */
import type { FolderLedger, Ledger } from "../../mailbox/ledger.ts";

/** One message in one folder. */
export interface MessageRecord {
  readonly flags: readonly string[];
  /** ms since the epoch */
  readonly internalDate: number;
  /** Octets, prefix included. */
  readonly size: number;
  readonly modseq: number;
  readonly prefix: string;
  readonly bodyId: string;
  readonly chunks: number;
  /** Names, with body and mailbox, the mark that goes when the message goes. */
  readonly deliveryId: string;
}

const VERSION = 1;
const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const decode = (data: Uint8Array): unknown =>
  JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());

export const encodeRecord = (r: MessageRecord): Uint8Array =>
  encode({
    f: r.flags,
    t: r.internalDate,
    s: r.size,
    m: r.modseq,
    p: r.prefix,
    b: r.bodyId,
    c: r.chunks,
    d: r.deliveryId,
  });

interface WireRecord {
  readonly f: readonly string[];
  readonly t: number;
  readonly s: number;
  readonly m: number;
  readonly p: string;
  readonly b: string;
  readonly c: number;
  readonly d: string;
}

export function decodeRecord(data: Uint8Array): MessageRecord {
  const w = decode(data) as WireRecord;
  if (typeof w.b !== "string" || typeof w.s !== "number") throw new SyntaxError("not a message record");
  return {
    flags: w.f,
    internalDate: w.t,
    size: w.s,
    modseq: w.m,
    prefix: w.p,
    bodyId: w.b,
    chunks: w.c,
    deliveryId: w.d,
  };
}

/** id, name, UIDVALIDITY, UIDNEXT, mod-sequence, messages, unseen, octets */
type WireFolder = readonly [number, string, number, number, number, number, number, number];

interface WireLedger {
  readonly v: number;
  readonly floor: number;
  readonly next: number;
  readonly modseq: number;
  readonly bytes: number;
  readonly messages: number;
  readonly folders: readonly WireFolder[];
}

export const encodeLedger = (ledger: Ledger): Uint8Array =>
  encode({
    v: VERSION,
    floor: ledger.uidFloor,
    next: ledger.nextFolder,
    modseq: ledger.modseq,
    bytes: ledger.bytes,
    messages: ledger.messages,
    folders: ledger.folders.map(
      (f): WireFolder => [f.id, f.name, f.uidValidity, f.uidNext, f.modseq, f.messages, f.unseen, f.bytes],
    ),
  } satisfies WireLedger);

export function decodeLedger(data: Uint8Array): Ledger {
  const w = decode(data) as WireLedger;
  if (w.v !== VERSION) throw new SyntaxError(`a ledger of version ${w.v}, which this program does not know`);
  return {
    uidFloor: w.floor,
    nextFolder: w.next,
    modseq: w.modseq,
    bytes: w.bytes,
    messages: w.messages,
    folders: w.folders.map(
      ([id, name, uidValidity, uidNext, modseq, messages, unseen, bytes]): FolderLedger => ({
        id,
        name,
        uidValidity,
        uidNext,
        modseq,
        messages,
        unseen,
        bytes,
      }),
    ),
  };
}

/** What a delivery mark says: where the message lies. For those who look at the store by hand. */
export const encodeMark = (folder: number, uid: number): Uint8Array => Buffer.from(`${folder}.${uid}`);
