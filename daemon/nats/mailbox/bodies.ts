/**
 * The octets of messages in a mailbox stream: stored once per body, whoever refers to them.
 *
 * A small body travels in the same batch as the first record that names it (it is *carried*). A large one is stored
 * before, chunk 0 last, so that a chunk 0 proves a whole body; what a crash leaves without a reference is found by its
 * age. A record whose body is not carried *relies* on it: its entry is compared with the sequence of chunk 0.
 *
 * Whoever removes a body must first replace its chunk 0 by compare-and-set, then look for references, and then purge
 * only what lies before that replacement: a delivery that comes in between fails its comparison and stores the body
 * anew, behind the purge's bound. No body that something refers to can go.
 *
 * In:     a delivery's `body()`, read at most once, and not at all when the body is known to be there.
 * Fails:  `StoreFault`; `StoreUnavailable` when the octets are not `size` long.
 */
import { type Delivery, StoreUnavailable } from "../../mailbox/store.ts";
import type { GroupCommit } from "../commit.ts";
import { StoreFault } from "../fault.ts";
import type { Reader } from "./reader.ts";
import { chunkSubject } from "./subjects.ts";

/** Up to this size a body is carried. */
export const CARRY_LIMIT = 256 << 10;
const CHUNK = 512 << 10;
/** Chunks of one body on their way at the same time. */
const WINDOW = 4;
const REMEMBERED = 20_000;
const NOTHING = new Uint8Array();

export const chunksOf = (size: number): number => Math.ceil(size / CHUNK);

/** `carried`: goes into the batch, and others who need it wait until `settle`. `relied`: lies there already. */
export type Claim =
  | { readonly kind: "empty" }
  | { readonly kind: "carried"; readonly octets: Uint8Array }
  | { readonly kind: "relied"; readonly chunk0: number };

export class Bodies {
  readonly #reader: Reader;
  readonly #commit: GroupCommit;
  readonly #shard: number;
  /** Sequence of chunk 0 of bodies that are there, in order of last use. */
  readonly #there = new Map<string, number>();
  /** Bodies that are being stored by someone in this process. */
  readonly #coming = new Map<string, PromiseWithResolvers<void>>();

  constructor(reader: Reader, commit: GroupCommit, shard: number) {
    this.#reader = reader;
    this.#commit = commit;
    this.#shard = shard;
  }

  async claim(delivery: Delivery, signal: AbortSignal): Promise<Claim> {
    const { bodyId, size } = delivery;
    if (size === 0) return { kind: "empty" };
    for (;;) {
      signal.throwIfAborted();
      const chunk0 = this.#there.get(bodyId);
      if (chunk0 !== undefined) return { kind: "relied", chunk0 };
      const coming = this.#coming.get(bodyId);
      if (!coming) break;
      await coming.promise;
    }
    this.#coming.set(bodyId, Promise.withResolvers());
    try {
      if (size <= CARRY_LIMIT) return { kind: "carried", octets: await collect(delivery) };
      const chunk0 = (await this.#found(bodyId)) ?? (await this.#store(delivery, signal));
      this.settle(bodyId, chunk0);
      return { kind: "relied", chunk0 };
    } catch (error) {
      this.settle(bodyId, undefined);
      throw error;
    }
  }

  /** Ends a carried claim: stored with this sequence, or not at all. */
  settle(bodyId: string, chunk0: number | undefined): void {
    if (chunk0 !== undefined) this.#remember(bodyId, chunk0);
    this.#coming.get(bodyId)?.resolve();
    this.#coming.delete(bodyId);
  }

  /** A comparison failed: looks again. `undefined`: the body is not there any more. */
  async renew(bodyId: string): Promise<Claim | undefined> {
    this.#there.delete(bodyId);
    const chunk0 = await this.#found(bodyId);
    if (chunk0 === undefined) return undefined;
    this.#remember(bodyId, chunk0);
    return { kind: "relied", chunk0 };
  }

  #remember(bodyId: string, chunk0: number): void {
    this.#there.delete(bodyId);
    this.#there.set(bodyId, chunk0);
    if (this.#there.size <= REMEMBERED) return;
    for (const oldest of this.#there.keys()) {
      this.#there.delete(oldest);
      break;
    }
  }

  async #found(bodyId: string): Promise<number | undefined> {
    return (await this.#reader.last(chunkSubject(this.#shard, bodyId, 0)))?.sequence;
  }

  /** Chunk by chunk, a few on their way, chunk 0 when all others are durable; its sequence. */
  async #store(delivery: Delivery, signal: AbortSignal): Promise<number> {
    let first: Uint8Array | undefined;
    let n = 0;
    const flying: Promise<number>[] = [];
    for await (const chunk of rechunk(delivery)) {
      signal.throwIfAborted();
      if (first === undefined) first = chunk;
      else flying.push(this.#put(delivery.bodyId, n, chunk));
      n++;
      if (flying.length >= WINDOW) await flying.shift();
    }
    await Promise.all(flying);
    return this.#put(delivery.bodyId, 0, first ?? NOTHING);
  }

  #put(bodyId: string, n: number, data: Uint8Array): Promise<number> {
    const stored = this.#commit.commit([{ subject: chunkSubject(this.#shard, bodyId, n), data }]);
    stored.catch(() => {}); // seen when it is awaited; never, when an earlier chunk failed
    return stored;
  }

  /** The octets of a stored body, a chunk read ahead. Throws `StoreFault`. */
  async *read(bodyId: string, chunks: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    let next = chunks > 0 ? this.#chunk(bodyId, 0) : undefined;
    for (let n = 1; next; n++) {
      signal.throwIfAborted();
      const chunk = await next;
      next = n < chunks ? this.#chunk(bodyId, n) : undefined;
      next?.catch(() => {}); // seen when it is awaited; never, when the reader stops early
      yield chunk;
    }
  }

  async #chunk(bodyId: string, n: number): Promise<Uint8Array> {
    const data = await this.#reader.fixed(chunkSubject(this.#shard, bodyId, n));
    if (data) return data;
    throw new StoreFault("refused", `chunk ${n} of body ${bodyId} does not exist`);
  }
}

const wrongSize = (delivery: Delivery, found: number) =>
  new StoreUnavailable(`body ${delivery.bodyId} has ${found} octets, not ${delivery.size}`);

async function collect(delivery: Delivery): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of delivery.body()) {
    parts.push(part);
    size += part.length;
  }
  if (size !== delivery.size) throw wrongSize(delivery, size);
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, size);
}

/** Chunks of equal size, the last one shorter; each a buffer of its own. */
async function* rechunk(delivery: Delivery): AsyncIterable<Uint8Array> {
  let chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, delivery.size));
  let used = 0;
  let size = 0;
  for await (const part of delivery.body()) {
    size += part.length;
    if (size > delivery.size) throw wrongSize(delivery, size);
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
  if (size !== delivery.size) throw wrongSize(delivery, size);
  if (used > 0) yield chunk.subarray(0, used);
}
