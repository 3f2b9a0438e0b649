/**
 * The octets that a FETCH answers with.
 *
 * In:     a section or a binary part of one message.
 * Out:    small ones in memory, large ones as a stream of known size, so that no message is ever held whole because of
 *         its size; `undefined` where there is no such section (NIL).
 * Fails:  `Refusal` with NO [UNKNOWN-CTE] for a part whose encoding is not known; what the store throws.
 * Spec:   RFC 9051 §6.4.5 (partial: what lies beyond the end is an empty string), RFC 3516 §4.3.
 */
import type { Digest, Part, Range } from "../../mailbox/digest.ts";
import type { Message } from "../../mailbox/view.ts";
import { refuse } from "../answer.ts";
import type { FetchItem, Partial } from "../command/fetch-items.ts";
import type { Octets } from "../reading.ts";
import { decodedOctets } from "../text/message.ts";
import { decoder } from "../text/transfer.ts";
import { isWhole, type Place, partAt, pickFields, placeOf, wholeMessage } from "./sections.ts";

export type Loaded =
  | { readonly kind: "octets"; readonly octets: Uint8Array; readonly binary: boolean }
  | {
      readonly kind: "stream";
      readonly size: number;
      readonly pieces: () => Pieces;
      readonly binary: boolean;
    }
  | { readonly kind: "size"; readonly size: number }
  | { readonly kind: "nil" };

export type OctetItem = Extract<FetchItem, { kind: "section" | "binary" | "binarySize" }>;

/** What is in memory at most for one item. */
const inMemory = 262_144;
const nil: Loaded = { kind: "nil" };

export interface Source {
  readonly message: Message;
  readonly digest: Digest | undefined;
  readonly octets: Octets;
}

/** At once when the octets are in memory. */
export function load(source: Source, item: OctetItem): Loaded | Promise<Loaded> {
  if (item.kind !== "section") return loadBinary(source, item);
  const place = findPlace(source, item);
  if (place === undefined) return nil;
  const { all } = source.octets;
  return all ? sectionOf(all, place, item.partial) : loadSection(source.octets, place, item.partial);
}

function sectionOf(all: Buffer, { range, pick }: Place, partial: Partial | undefined): Loaded {
  const { offset, size } = pick ? range : clip(range, partial);
  const octets = all.subarray(offset, offset + size);
  return { kind: "octets", octets: pick ? cut(pickFields(octets, pick), partial) : octets, binary: false };
}

async function loadSection(octets: Octets, place: Place, partial: Partial | undefined): Promise<Loaded> {
  if (place.pick) {
    const picked = pickFields(await collect(octets.read(place.range)), place.pick);
    return { kind: "octets", octets: cut(picked, partial), binary: false };
  }
  const range = clip(place.range, partial);
  if (range.size > inMemory)
    return { kind: "stream", size: range.size, pieces: () => octets.read(range), binary: false };
  return { kind: "octets", octets: await collect(octets.read(range)), binary: false };
}

function findPlace(
  { message, digest }: Source,
  { section }: Extract<OctetItem, { kind: "section" }>,
): Place | undefined {
  if (isWhole(section)) return wholeMessage(message);
  return digest && placeOf(digest.structure, section);
}

async function loadBinary(
  source: Source,
  item: Extract<OctetItem, { kind: "binary" | "binarySize" }>,
): Promise<Loaded> {
  const part = source.digest && binaryPart(source.digest.structure, item.part, source.message.size);
  if (part === undefined) return nil;
  if (decoder(part.encoding) === undefined)
    throw refuse(`The encoding ${part.encoding.slice(0, 40)} is not known`, "UNKNOWN-CTE");
  const octets = () => decodedOctets(source.octets, part, part.body.size);
  if (item.kind === "binarySize") return { kind: "size", size: await measure(octets()) };
  if (part.body.size <= inMemory) {
    const all = cut(await collect(octets()), item.partial);
    return { kind: "octets", octets: all, binary: all.includes(0) };
  }
  // Its size is only known when it has been decoded: once to measure, once to tell.
  const range = clip({ offset: 0, size: await measure(octets()) }, item.partial);
  return { kind: "stream", size: range.size, pieces: () => within(octets(), range), binary: true };
}

/** `BINARY[]` is the whole message, which has no encoding. RFC 3516 §4.2 */
function binaryPart(structure: Part, path: readonly number[], size: number): Part | undefined {
  if (path.length > 0) return partAt(structure, path);
  return { ...structure, encoding: "binary", body: { offset: 0, size } };
}

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

async function collect(pieces: Pieces): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  const [first] = parts;
  if (parts.length !== 1 || first === undefined) return Buffer.concat(parts);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}

async function measure(pieces: Pieces): Promise<number> {
  let size = 0;
  for await (const piece of pieces) size += piece.length;
  return size;
}

async function* within(pieces: Pieces, { offset, size }: Range): AsyncIterable<Uint8Array> {
  let at = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(Math.max(0, offset - at), Math.max(0, offset + size - at));
    at += piece.length;
    if (part.length > 0) yield part;
    if (at >= offset + size) return;
  }
}

const cut = (octets: Buffer, partial: Partial | undefined): Buffer =>
  partial === undefined ? octets : octets.subarray(partial.offset, partial.offset + partial.count);

function clip(range: Range, partial: Partial | undefined): Range {
  if (partial === undefined) return range;
  const offset = Math.min(partial.offset, range.size);
  return { offset: range.offset + offset, size: Math.min(partial.count, range.size - offset) };
}
