/**
 * The octets of messages in a mailbox stream: stored once per body, whoever refers to them.
 *
 * A body has a *head*: its digest, and the proof that all its chunks are there. A small body travels with its head in
 * the batch of the first record that names it (it is *carried*). A large one is stored before: a note for the
 * collector, the chunks, the head last. A record whose body is not carried *relies* on it: its entry is compared with
 * the sequence of the head. What refers to a body are the delivery marks that hold something.
 *
 * How a body is removed, so that nothing that is referred to can go (`collector.ts`): no mark is found → the note is
 * replaced by compare-and-set, at sequence G → the head is replaced by one that says *doomed*, by compare-and-set, at
 * sequence H → still no mark, by copies of the stream that know H → chunks before G and heads up to H are purged. Whoever
 * relied on the old head either was stored before the second look at the marks, or fails its comparison. Whoever finds a
 * doomed head, or none, stores the body anew: a large one after a new note, which lies behind G or makes the replacement of
 * the note fail; a carried one in one unit with its mark, which is seen, or lies behind G. Copies need no comparison: the
 * ledger that they are compared with says that their original's mark is there. Dying anywhere in between leaves a note, and
 * octets that can be read.
 *
 * In:     a delivery's `body()`, read at most once, and not at all when the body is known to be there.
 * Fails:  `StoreFault`; `StoreUnavailable` when the octets are not `size` long.
 */
import type { Clock } from "../../kit/clock.ts";
import { forgetOldest } from "../../kit/oldest.ts";
import type { GroupCommit } from "../commit.ts";
import { type Chunks, chunksOf, collect, type Incoming } from "./chunks.ts";
import type { Reader } from "./reader.ts";
import { decodeHead, encodeHead, encodeNote } from "./records.ts";
import { garbageSubject, headSubject, type Shard } from "./subjects.ts";

/** Up to this size a body is carried. */
const CARRY_LIMIT = 256 << 10;
const REMEMBERED = 20_000;

/** `carried`: goes into the batch, and others who need it wait until `settle`. `relied`: lies there already. */
export type Claim = { readonly kind: "empty" } | Carried | { readonly kind: "relied"; readonly head: number };

export interface Carried {
  readonly kind: "carried";
  readonly octets: Uint8Array;
  readonly head: Uint8Array;
}

export interface BodyParts {
  readonly reader: Reader;
  readonly commit: GroupCommit;
  readonly chunks: Chunks;
  readonly shard: Shard;
  readonly clock: Pick<Clock, "now">;
}

export class Bodies {
  readonly #parts: BodyParts;
  /** Sequence of the head of bodies that are there, in order of last use. */
  readonly #there = new Map<string, number>();
  /** Bodies that are being stored by someone in this process. */
  readonly #coming = new Map<string, PromiseWithResolvers<void>>();

  constructor(parts: BodyParts) {
    this.#parts = parts;
  }

  async claim(incoming: Incoming, signal: AbortSignal): Promise<Claim> {
    const { bodyId, size } = incoming;
    if (size === 0) return { kind: "empty" };
    for (;;) {
      signal.throwIfAborted();
      const head = this.#there.get(bodyId);
      if (head !== undefined) return { kind: "relied", head };
      const coming = this.#coming.get(bodyId);
      if (!coming) break;
      await coming.promise;
    }
    this.#coming.set(bodyId, Promise.withResolvers());
    try {
      if (size <= CARRY_LIMIT) return await this.carry(incoming);
      const head = (await this.#found(bodyId)) ?? (await this.store(incoming, signal));
      this.settle(bodyId, head);
      return { kind: "relied", head };
    } catch (error) {
      this.settle(bodyId, undefined);
      throw error;
    }
  }

  /** Ends a carried claim: its head was stored with this sequence, or not at all. */
  settle(bodyId: string, head: number | undefined): void {
    if (head !== undefined) this.#remember(bodyId, head);
    this.#coming.get(bodyId)?.resolve();
    this.#coming.delete(bodyId);
  }

  /** A comparison failed: looks again. `undefined`: the body is not there any more. */
  async renew(bodyId: string): Promise<Claim | undefined> {
    this.#there.delete(bodyId);
    const head = await this.#found(bodyId);
    if (head === undefined) return undefined;
    this.#remember(bodyId, head);
    return { kind: "relied", head };
  }

  /** The stream is not the one that it was. */
  forgetAll(): void {
    this.#there.clear();
  }

  #remember(bodyId: string, head: number): void {
    this.#there.delete(bodyId);
    this.#there.set(bodyId, head);
    forgetOldest(this.#there, REMEMBERED);
  }

  async #found(bodyId: string): Promise<number | undefined> {
    const record = await this.#parts.reader.last(headSubject(this.#parts.shard, bodyId));
    if (!record || record.data.length === 0 || decodeHead(record.data).doomed) return undefined;
    return record.sequence;
  }

  async carry(incoming: Incoming): Promise<Carried> {
    const { octets, digest, header } = await collect(incoming);
    const { size } = incoming;
    return { kind: "carried", octets, head: encodeHead({ size, chunks: 1, digest, header, doomed: false }) };
  }

  /** Note, chunks, head; each durable before the next. The head's sequence. */
  async store(incoming: Incoming, signal: AbortSignal): Promise<number> {
    const { commit, chunks, shard, clock } = this.#parts;
    const { bodyId, size } = incoming;
    const note = encodeNote({ since: clock.now(), why: "storing" });
    await commit.commit([{ subject: garbageSubject(shard, bodyId), data: note }]);
    const digested = await chunks.store(incoming, signal);
    const head = encodeHead({ size, chunks: chunksOf(size), ...digested, doomed: false });
    return commit.commit([{ subject: headSubject(shard, bodyId), data: head }]);
  }
}
