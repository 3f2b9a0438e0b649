/**
 * How ledgers, message records, body heads and vanished lists lie in the stream: JSON with short names, and a version
 * in each ledger and head.
 *
 * Out:   typed values.
 * Fails: decoding throws `SyntaxError` on what is not ours.
 */

import { isAscii } from "node:buffer";
import type { WireDigest } from "../../mailbox/digest/pack.ts";
import type { FolderLedger, Ledger } from "../../mailbox/ledger.ts";
import type { MessageRecord } from "../../mailbox/record.ts";
import type { VanishedLog } from "../../mailbox/vanished.ts";
import type { SpecialUse } from "../../mailbox/view.ts";

export type { MessageRecord } from "../../mailbox/record.ts";

const VERSION = 2;
const HEAD_VERSION = 2;
const EMPTY = Buffer.alloc(0);
const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
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

/**
 * id, name, UIDVALIDITY, UIDNEXT, mod-sequence, messages, unseen, octets; since version 2: deleted, special use; where
 * there was a restoration: the mod-sequence that counts at least
 */
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
  (SpecialUse | null)?,
  number?,
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
  if (f.floor !== undefined) return [...folder, f.deleted, f.use ?? null, f.floor];
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
  const [id, name, uidValidity, uidNext, modseq, messages, unseen, bytes, deleted = 0, use, floor] = folder;
  const known = { id, name, uidValidity, uidNext, modseq, messages, unseen, deleted, bytes };
  return { ...known, ...(use ? { use } : {}), ...(floor === undefined ? {} : { floor }) };
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
  /** The octets of the header, of bodies that are large. */
  readonly header?: Uint8Array | undefined;
  /** A collector is about to take the body away: nobody may begin to rely on it. */
  readonly doomed: boolean;
}

/** The first line. Those of version 1 have nothing but it, and the whole digest in it. */
interface WireHead {
  readonly v: number;
  readonly s: number;
  readonly c: number;
  readonly x?: 1;
  readonly n: WireDigest["n"];
  readonly f?: readonly string[];
}

const LF = 10;
const NEWLINE = Buffer.from("\n");

/** Three lines, since most readers want the first only: the envelope, the structure, the header as it is. */
export function encodeHead({ size, chunks, digest, header, doomed }: BodyHead): Uint8Array {
  const { n, f, s } = digest;
  const first: WireHead = {
    v: HEAD_VERSION,
    s: size,
    c: chunks,
    ...(doomed ? { x: 1 } : {}),
    n,
    ...(f ? { f } : {}),
  };
  return Buffer.concat([encode(first), NEWLINE, encode(s), NEWLINE, header ?? EMPTY]);
}

export function decodeHead(data: Uint8Array): BodyHead {
  const lines = linesOf(data);
  const first = decode(lines.first) as WireHead & { readonly g?: WireDigest };
  const { v, s: size, c: chunks } = first;
  const doomed = first.x === 1;
  if (v === 1 && first.g) return { size, chunks, digest: first.g, doomed };
  if (v !== HEAD_VERSION) throw new SyntaxError(`a body's head of version ${v}`);
  return { size, chunks, digest: new StoredDigest(lines), header: lines.header, doomed };
}

const NEWEST = Buffer.from(`{"v":${HEAD_VERSION},`);

/** What readers of messages want of a head, at once: its lines are decoded when somebody asks for what is in them. */
export function readHead(data: Uint8Array): Pick<BodyHead, "digest" | "header"> {
  const lines = linesOf(data);
  if (!lines.first.subarray(0, NEWEST.length).equals(NEWEST)) return decodeHead(data);
  return { digest: new StoredDigest(lines), header: lines.header };
}

interface Lines {
  readonly first: Buffer;
  readonly structure: Buffer;
  readonly header: Buffer | undefined;
}

function linesOf(data: Uint8Array): Lines {
  const octets = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = octets.indexOf(LF);
  if (end < 0) return { first: octets, structure: EMPTY, header: undefined };
  const middle = octets.indexOf(LF, end + 1);
  const header = middle + 1 < octets.length ? octets.subarray(middle + 1) : undefined;
  return { first: octets.subarray(0, end), structure: octets.subarray(end + 1, middle), header };
}

/** In a line that is not longer, no field was cut. */
const UNCUT = 1_000;
/** Text that stands in the line as it stands in a field: nothing is put between its words, nothing is escaped. */
const asWritten = /^[a-z0-9._+-]+(?: [a-z0-9._+-]+)*$/;

class StoredDigest implements WireDigest {
  readonly #lines: Lines;
  #first: WireHead | undefined;
  #structure: WireDigest["s"] | undefined;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  get n(): WireDigest["n"] {
    this.#first ??= decode(this.#lines.first) as WireHead;
    return this.#first.n;
  }

  get f(): WireDigest["f"] {
    this.#first ??= decode(this.#lines.first) as WireHead;
    return this.#first.f;
  }

  get s(): WireDigest["s"] {
    this.#structure ??= decode(this.#lines.structure) as WireDigest["s"];
    return this.#structure;
  }

  mayName(text: string): boolean {
    const { first } = this.#lines;
    if (first.length > UNCUT || !asWritten.test(text) || !isAscii(first)) return true;
    const line = first.toString("latin1").toLowerCase();
    return line.includes(text) || line.includes("=?") || line.includes("\\");
  }
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
