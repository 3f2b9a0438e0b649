/**
 * The octets of bodies as chunks in a mailbox stream: written a few at a time, read from any offset.
 *
 * In:     pieces of any size; what they are must be known by their number of octets.
 * Fails:  `StoreFault`; `StoreUnavailable` when the octets are not `size` long.
 */

import { headerSizeOf, pack, type WireDigest } from "../../mailbox/digest/pack.ts";
import { Scanner } from "../../mailbox/digest/scan.ts";
import type { Range } from "../../mailbox/digest.ts";
import { StoreUnavailable } from "../../mailbox/store.ts";
import type { GroupCommit } from "../commit.ts";
import { StoreFault } from "../fault.ts";
import type { Reader } from "./reader.ts";
import { chunkSubject, type Shard } from "./subjects.ts";

const CHUNK = 512 << 10;
/** Chunks of one body on their way at the same time. */
const WINDOW = 4;

export const chunksOf = (size: number): number => Math.ceil(size / CHUNK);

/** What a body's head says of its octets. */
export interface Digested {
  readonly digest: WireDigest;
  readonly header: Uint8Array | undefined;
}

/** A header is kept beside the digest only where reading it from the body would cost much more. */
const WITH_HEADER = 16 << 10;
const HEADER_KEPT = 16 << 10;

/** Digests octets as they come. */
export class Digester {
  readonly #scanner = new Scanner();
  #beginning: Buffer = Buffer.alloc(0);
  #size = 0;

  push(octets: Uint8Array): void {
    const missing = HEADER_KEPT - this.#beginning.length;
    if (missing > 0) this.#beginning = Buffer.concat([this.#beginning, octets.subarray(0, missing)]);
    this.#size += octets.length;
    this.#scanner.push(octets);
  }

  end(): Digested {
    const digest = pack(this.#scanner.end());
    const size = headerSizeOf(digest);
    const kept = this.#size > WITH_HEADER && size <= this.#beginning.length;
    return { digest, header: kept ? this.#beginning.subarray(0, size) : undefined };
  }
}

/** Octets that are to be taken in. */
export interface Incoming {
  readonly bodyId: string;
  readonly size: number;
  /** Read once. */
  readonly body: () => AsyncIterable<Uint8Array>;
}

export class Chunks {
  readonly #reader: Reader;
  readonly #commit: GroupCommit;
  readonly #shard: Shard;

  constructor(reader: Reader, commit: GroupCommit, shard: Shard) {
    this.#reader = reader;
    this.#commit = commit;
    this.#shard = shard;
  }

  /** Stores every chunk; resolves with the digest when all are durable. */
  async store(incoming: Incoming, signal: AbortSignal): Promise<Digested> {
    const { bodyId } = incoming;
    const digester = new Digester();
    const flying: Promise<number>[] = [];
    let n = 0;
    for await (const chunk of rechunk(incoming)) {
      signal.throwIfAborted();
      digester.push(chunk);
      flying.push(this.#put(bodyId, n++, chunk));
      if (flying.length >= WINDOW) await flying.shift();
    }
    await Promise.all(flying);
    return digester.end();
  }

  #put(bodyId: string, n: number, data: Uint8Array): Promise<number> {
    const stored = this.#commit.commit([{ subject: chunkSubject(this.#shard, bodyId, n), data }]);
    stored.catch(() => {}); // seen when it is awaited; never, when an earlier chunk failed
    return stored;
  }

  /** The octets of a stored body, or those within the range; a chunk is read ahead. Throws `StoreFault`. */
  async *read(bodyId: string, size: number, range: Range, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const to = Math.min(size, range.offset + range.size);
    if (to <= range.offset) return;
    const last = Math.floor((to - 1) / CHUNK);
    let n = Math.floor(range.offset / CHUNK);
    let next: Promise<Uint8Array> | undefined = this.#chunk(bodyId, n);
    for (; next; n++) {
      const chunk: Uint8Array = await next;
      signal.throwIfAborted();
      next = n < last ? this.#chunk(bodyId, n + 1) : undefined;
      next?.catch(() => {}); // seen when it is awaited; never, when the reader stops early
      const begin = n * CHUNK;
      yield chunk.subarray(Math.max(0, range.offset - begin), to - begin);
    }
  }

  /** The first chunks of many bodies, by one request; those that are not there are left out. Throws `StoreFault`. */
  async firstOf(bodyIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
    const subjects = new Map(bodyIds.map((id) => [chunkSubject(this.#shard, id, 0), id]));
    const found = new Map<string, Buffer>();
    for (const [subject, data] of await this.#reader.fixedOf([...subjects.keys()], signal)) {
      const id = subjects.get(subject);
      if (id !== undefined) found.set(id, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
    return found;
  }

  async #chunk(bodyId: string, n: number): Promise<Uint8Array> {
    const data = await this.#reader.fixed(chunkSubject(this.#shard, bodyId, n));
    if (data) return data;
    throw new StoreFault("refused", `chunk ${n} of body ${bodyId} does not exist`);
  }
}

/** A small body at once, with its digest. */
export async function collect(incoming: Incoming): Promise<Digested & { octets: Uint8Array }> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of incoming.body()) {
    parts.push(part);
    size += part.length;
    if (size > incoming.size) throw wrongSize(incoming, size);
  }
  if (size !== incoming.size) throw wrongSize(incoming, size);
  const octets = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, size);
  const digester = new Digester();
  digester.push(octets);
  return { octets, ...digester.end() };
}

const wrongSize = ({ bodyId, size }: Incoming, found: number) =>
  new StoreUnavailable(`body ${bodyId} has ${found} octets, not ${size}`);

/** Chunks of equal size, the last one shorter; each a buffer of its own. */
async function* rechunk(incoming: Incoming): AsyncIterable<Uint8Array> {
  let chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, incoming.size));
  let used = 0;
  let size = 0;
  for await (const part of incoming.body()) {
    size += part.length;
    if (size > incoming.size) throw wrongSize(incoming, size);
    for (let rest = part; rest.length > 0; ) {
      const piece = rest.subarray(0, chunk.length - used);
      chunk.set(piece, used);
      used += piece.length;
      rest = rest.subarray(piece.length);
      if (used < chunk.length) continue;
      yield chunk;
      chunk = Buffer.allocUnsafeSlow(CHUNK);
      used = 0;
    }
  }
  if (size !== incoming.size) throw wrongSize(incoming, size);
  if (used > 0) yield chunk.subarray(0, used);
}
