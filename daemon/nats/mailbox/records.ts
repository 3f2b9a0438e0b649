/**
 * How ledgers, message records, body heads and vanished lists lie in the stream: JSON with short names, and a version
 * in each ledger and head.
 *
 * Out:   typed values.
 * Fails: decoding throws `SyntaxError` on what is not ours.
 */

import type { WireDigest } from "../../mailbox/digest/pack.ts";
import type { FolderLedger, Ledger } from "../../mailbox/ledger.ts";
import type { MessageRecord } from "../../mailbox/record.ts";
import type { VanishedLog } from "../../mailbox/vanished.ts";
import type { SpecialUse } from "../../mailbox/view.ts";

export type { MessageRecord } from "../../mailbox/record.ts";

const VERSION = 2;
const HEAD_VERSION = 1;
const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const decode = (data: Uint8Array): unknown =>
  JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());

export const encodeRecord = (r: MessageRecord): Uint8Array =>
  encode({
    f: r.flags,
    t: r.internalDate,
    ...(r.saveDate === r.internalDate ? {} : { n: r.saveDate }),
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
  readonly n?: number;
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
    saveDate: w.n ?? w.t,
    size: w.s,
    modseq: w.m,
    prefix: w.p,
    bodyId: w.b,
    chunks: w.c,
    deliveryId: w.d,
  };
}

/** id, name, UIDVALIDITY, UIDNEXT, mod-sequence, messages, unseen, octets; since version 2: deleted, special use */
type WireFolder = readonly [
  number,
  string,
  number,
  number,
  number,
  number,
  number,
  number,
  number?,
  SpecialUse?,
];

interface WireLedger {
  readonly v: number;
  readonly floor: number;
  readonly next: number;
  readonly modseq: number;
  readonly bytes: number;
  readonly messages: number;
  readonly folders: readonly WireFolder[];
  readonly made?: boolean;
  readonly subs?: readonly string[];
}

export const encodeLedger = (ledger: Ledger): Uint8Array =>
  encode({
    v: VERSION,
    floor: ledger.uidFloor,
    next: ledger.nextFolder,
    modseq: ledger.modseq,
    bytes: ledger.bytes,
    messages: ledger.messages,
    folders: ledger.folders.map(wireFolder),
    ...(ledger.furnished ? { made: true } : {}),
    ...(ledger.subscriptions.length > 0 ? { subs: ledger.subscriptions } : {}),
  } satisfies WireLedger);

function wireFolder(f: FolderLedger): WireFolder {
  const folder = [f.id, f.name, f.uidValidity, f.uidNext, f.modseq, f.messages, f.unseen, f.bytes] as const;
  if (f.use !== undefined) return [...folder, f.deleted, f.use];
  return f.deleted === 0 ? folder : [...folder, f.deleted];
}

export function decodeLedger(data: Uint8Array): Ledger {
  const w = decode(data) as WireLedger;
  if (w.v !== 1 && w.v !== VERSION)
    throw new SyntaxError(`a ledger of version ${w.v}, which this program does not know`);
  return {
    uidFloor: w.floor,
    nextFolder: w.next,
    modseq: w.modseq,
    bytes: w.bytes,
    messages: w.messages,
    folders: w.folders.map(folderLedger),
    furnished: w.made ?? false,
    subscriptions: w.subs ?? [],
  };
}

function folderLedger(folder: WireFolder): FolderLedger {
  const [id, name, uidValidity, uidNext, modseq, messages, unseen, bytes, deleted = 0, use] = folder;
  const known = { id, name, uidValidity, uidNext, modseq, messages, unseen, deleted, bytes };
  return use === undefined ? known : { ...known, use };
}

/** What a delivery mark says: where the message lies. For those who look at the store by hand. */
export const encodeMark = (folder: number, uid: number): Uint8Array => Buffer.from(`${folder}.${uid}`);

export function decodeMark(data: Uint8Array): { readonly folder: number; readonly uid: number } | undefined {
  const parts = /^(\d+)\.(\d+)$/.exec(Buffer.from(data).toString("latin1"));
  return parts ? { folder: Number(parts[1]), uid: Number(parts[2]) } : undefined;
}

/** What is known of a body without reading it; proves that all its chunks are there. */
export interface BodyHead {
  readonly size: number;
  readonly chunks: number;
  readonly digest: WireDigest;
  /** A collector is about to take the body away: nobody may begin to rely on it. */
  readonly doomed: boolean;
}

interface WireHead {
  readonly v: number;
  readonly s: number;
  readonly c: number;
  readonly g: WireDigest;
  readonly x?: 1;
}

export const encodeHead = (head: BodyHead): Uint8Array =>
  encode({
    v: HEAD_VERSION,
    s: head.size,
    c: head.chunks,
    ...(head.doomed ? { x: 1 } : {}),
    g: head.digest,
  } satisfies WireHead);

export function decodeHead(data: Uint8Array): BodyHead {
  const w = decode(data) as WireHead;
  if (w.v !== HEAD_VERSION) throw new SyntaxError(`a body's head of version ${w.v}`);
  return { size: w.s, chunks: w.c, digest: w.g, doomed: w.x === 1 };
}

export const encodeLog = (log: VanishedLog): Uint8Array => encode({ f: log.floor, r: log.removals });

export function decodeLog(data: Uint8Array): VanishedLog {
  const w = decode(data) as { readonly f: number; readonly r: VanishedLog["removals"] };
  if (!Array.isArray(w.r)) throw new SyntaxError("not a list of what has vanished");
  return { floor: w.f, removals: w.r };
}

/** Why somebody should look whether a body is still referred to, and since when. */
export interface Note {
  /** ms since the epoch */
  readonly since: number;
  readonly why: "storing" | "expunged";
}

export const encodeNote = (note: Note): Uint8Array => encode({ t: note.since, w: note.why });

export function decodeNote(data: Uint8Array): Note {
  const w = decode(data) as { readonly t: number; readonly w: Note["why"] };
  if (typeof w.t !== "number") throw new SyntaxError("not a note for the collector");
  return { since: w.t, why: w.w };
}
