/**
 * Message octets on the body stream: written chunk by chunk while they arrive, read back in order, removed when no
 * job refers to them.
 *
 * Small bodies never come here: they stay in memory until they travel in the job record itself. A writer holds at
 * most two chunks (one filling, one on its way), and `write` returns a promise while the one on its way is not durable:
 * that is the back-pressure.
 *
 * Every chunk has a TTL (queue lifetime and two days more), so that nothing a crash leaves behind stays for ever.
 */
import { randomBytes } from "node:crypto";
import { BodyMissing, type BodyWriter, type FinishedBody } from "../queue/queue.ts";
import { mustBeAbsent } from "./absence.ts";
import type { Entry, GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { type ApiError, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";

/**
 * Up to this size a body travels in the job record: one commit less before the 250, no reading back, nothing to remove.
 * Most mail is smaller. Far below the server's largest payload, and small enough that what waits fits in memory.
 */
const INLINE_LIMIT = 128 << 10;
const CHUNK = 256 << 10;
/** Up to this many chunks are removed by a group-committed marker each, more by one purge (by those who may). */
const MARKERS = 8;
const TOGETHER = 256;
/** 130 bits: who does not know the id cannot find the body. */
const ID_OCTETS = 17;

const NOTHING = new Uint8Array();

export class Bodies {
  readonly #link: Link;
  readonly #commit: GroupCommit;
  readonly #shard: number;
  readonly #ttlSeconds: () => number;

  constructor(link: Link, commit: GroupCommit, shard: number, ttlSeconds: () => number) {
    this.#link = link;
    this.#commit = commit;
    this.#shard = shard;
    this.#ttlSeconds = ttlSeconds;
  }

  #subject(id: string, chunk: number): string {
    return `b${this.#shard}.${id}.${chunk}`;
  }

  /** Until when what is stored now is kept, ms since the epoch. */
  keptUntil(now: number): number {
    return now + this.#ttlSeconds() * 1_000;
  }

  /** Stores it once more, for as long as bodies are kept now. */
  async renew(id: string, chunks: number, signal: AbortSignal): Promise<void> {
    let n = 0;
    for await (const chunk of this.read(id, chunks, signal)) await this.put(id, n++, chunk);
  }

  /** Resolves when the chunk is durable. */
  async put(id: string, chunk: number, data: Uint8Array): Promise<void> {
    const entry: Entry = { subject: this.#subject(id, chunk), data, ttl: `${this.#ttlSeconds()}s` };
    await this.#commit.commit([entry]);
  }

  /** `room` throws when another chunk of it may not be stored. */
  writer(room: () => void): BodyWriter {
    return new ChunkWriter(this, room);
  }

  /** Throws `BodyMissing` when a chunk does not exist, `StoreFault` when it cannot be read now. */
  async *read(id: string, chunks: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    let next = chunks > 0 ? this.#chunk(id, 0) : undefined;
    for (let n = 0; n < chunks; n++) {
      signal.throwIfAborted();
      const data = await (next as Promise<Uint8Array>);
      next = n + 1 < chunks ? this.#chunk(id, n + 1) : undefined;
      next?.catch(() => {}); // seen when it is awaited; never, when the reader stops early
      yield data;
    }
  }

  async #chunk(id: string, n: number): Promise<Uint8Array> {
    const stream = `B${this.#shard}`;
    const subject = this.#subject(id, n);
    try {
      const answer = await this.#link.nc.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, NOTHING, {
        timeout: 5_000,
      });
      if (answer.data.length > 0) return answer.data;
    } catch (error) {
      throw new StoreFault("away", "a body could not be read", error);
    }
    // Any replica answers a direct get, and one may lag behind, as may a leader that has been cut off: only a quorum's word
    // makes a body missing.
    const record = await lastOnSubject(this.#link, stream, subject);
    if (record && record.data.length > 0) return record.data;
    if (record === undefined) await mustBeAbsent(this.#commit, subject);
    throw new BodyMissing(`chunk ${n} of body ${id} does not exist`);
  }

  /** Removes a body. Throws when it cannot; then the TTL does. */
  async remove(id: string, chunks: number): Promise<void> {
    if (chunks <= MARKERS || this.#link.confined !== undefined) await this.#mark(id, chunks);
    else await this.#purge(id);
  }

  async #mark(id: string, chunks: number): Promise<void> {
    const entries = Array.from({ length: chunks }, (_, n) => ({
      subject: this.#subject(id, n),
      data: NOTHING,
      ttl: "1s",
    }));
    for (let at = 0; at < entries.length; at += TOGETHER)
      await this.#commit.commit(entries.slice(at, at + TOGETHER));
  }

  async #purge(id: string): Promise<void> {
    const filter = JSON.stringify({ filter: `b${this.#shard}.${id}.>` });
    const answer = await this.#link.nc.request(`$JS.API.STREAM.PURGE.B${this.#shard}`, filter, {
      timeout: 10_000,
    });
    const { error } = answer.json<{ error?: ApiError }>();
    if (error) throw new StoreFault("refused", error.description ?? "purge refused");
  }
}

/** A body is read and removed by whoever knows its id: it lies in the records of its jobs, and nowhere else. */
export const newBodyId = (): string => randomBytes(ID_OCTETS).toString("base64url");

class ChunkWriter implements BodyWriter {
  /** Made with the first chunk: most texts travel in the records of their jobs. */
  #id: string | undefined;
  readonly #bodies: Bodies;
  readonly #room: () => void;
  #buffer: Buffer = Buffer.allocUnsafe(8 << 10);
  #used = 0;
  #chunks = 0;
  #size = 0;
  #flight: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #over = false;

  constructor(bodies: Bodies, room: () => void) {
    this.#bodies = bodies;
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  write(octets: Uint8Array): void | Promise<void> {
    if (this.#failure) throw this.#failure.error;
    if (this.#over) throw new Error("the body has ended");
    this.#size += octets.length;
    if (this.#used + octets.length <= CHUNK) return this.#append(octets);
    return this.#spill(octets);
  }

  #append(octets: Uint8Array): void {
    const need = this.#used + octets.length;
    if (need > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(need, this.#buffer.length * 4)));
      larger.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = larger;
    }
    this.#buffer.set(octets, this.#used);
    this.#used = need;
  }

  /** Fills chunks to the brim and sends each; waits for the one before, so that two are the most in memory. */
  async #spill(octets: Uint8Array): Promise<void> {
    let rest = octets;
    while (rest.length > 0) {
      const part = rest.subarray(0, CHUNK - this.#used);
      this.#append(part);
      rest = rest.subarray(part.length);
      if (this.#used === CHUNK) await this.#send();
    }
  }

  async #send(): Promise<void> {
    await this.#flight;
    if (this.#over && this.#failure === undefined) return;
    this.#room();
    const data = this.#buffer.subarray(0, this.#used);
    this.#buffer = Buffer.allocUnsafeSlow(CHUNK);
    this.#used = 0;
    this.#flight = this.#bodies.put(this.#name(), this.#chunks++, data).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    if (this.#failure) throw this.#failure.error;
  }

  #name(): string {
    this.#id ??= newBodyId();
    return this.#id;
  }

  async finish(): Promise<FinishedBody> {
    if (this.#chunks === 0 && this.#used <= INLINE_LIMIT)
      return { kind: "inline", octets: this.#buffer.subarray(0, this.#used) };
    if (this.#used > 0) await this.#send();
    await this.#flight;
    if (this.#failure) throw this.#failure.error;
    this.#over = true;
    return { kind: "stored", id: this.#name(), chunks: this.#chunks, size: this.#size };
  }

  abandon(): void {
    if (this.#over && this.#chunks === 0) return;
    this.#over = true;
    this.#buffer = Buffer.alloc(0);
    const [id, chunks] = [this.#id, this.#chunks];
    if (id === undefined) return;
    const removed = (this.#flight ?? Promise.resolve()).then(() => this.#bodies.remove(id, chunks));
    removed.catch(() => {}); // the TTL removes it, and whoever wrote it knows already that the store is away
  }
}
