/**
 * Digests of bodies: from memory, or a request per few hundred heads.
 *
 * In:     body ids.
 * Out:    heads as they lie in the stream, decoded when they are needed: the cache holds octets, not objects.
 * Fails:  `StoreFault`. A body without a head is told as `undefined`.
 */
import type { Reader } from "./reader.ts";
import { type BodyHead, readHead } from "./records.ts";
import { headSubject, type Shard } from "./subjects.ts";

/** Octets of heads that are kept. */
const KEPT = 24 << 20;
const OVERHEAD = 200;
/** Heads of one request. */
const PAGE = 250;

type ReadHead = Pick<BodyHead, "digest" | "header">;

export class Heads {
  readonly #reader: Reader;
  readonly #shard: Shard;
  /** In order of last use. */
  readonly #kept = new Map<string, Buffer>();
  readonly #changed: (octets: number) => void;
  #size = 0;

  /** `changed` hears by how much the octets that are kept have become more. */
  constructor(reader: Reader, shard: Shard, changed: (octets: number) => void = () => {}) {
    this.#reader = reader;
    this.#shard = shard;
    this.#changed = changed;
  }

  async load(
    bodyIds: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadHead | undefined>> {
    const found = new Map<string, ReadHead | undefined>();
    const missing: string[] = [];
    for (const id of new Set(bodyIds)) {
      const kept = this.#use(id);
      if (kept) found.set(id, readHead(kept));
      else missing.push(id);
    }
    const pages: string[][] = [];
    for (let at = 0; at < missing.length; at += PAGE) pages.push(missing.slice(at, at + PAGE));
    const worker = async () => {
      for (let page = pages.shift(); page; page = pages.shift()) await this.#page(page, found, signal);
    };
    await Promise.all([worker(), worker()]);
    return found;
  }

  async #page(ids: readonly string[], found: Map<string, ReadHead | undefined>, signal: AbortSignal) {
    const subjects = new Map(ids.map((id) => [headSubject(this.#shard, id), id]));
    const records = await this.#reader.fixedOf([...subjects.keys()], signal);
    for (const [subject, id] of subjects) {
      const data = records.get(subject);
      found.set(id, data && this.#keep(id, data));
    }
  }

  #keep(id: string, data: Uint8Array): ReadHead {
    // A copy with memory of its own: what came shares it with the whole page, and a small `Buffer.from` with whatever else
    // was made at the time, of which each kept head would hold 8 KiB.
    const octets = Buffer.allocUnsafeSlow(data.length);
    octets.set(data);
    this.#drop(id);
    this.#kept.set(id, octets);
    this.#size += octets.length + OVERHEAD;
    this.#changed(octets.length);
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= KEPT) break;
      this.#drop(oldest);
    }
    return readHead(octets);
  }

  #drop(id: string): void {
    const octets = this.#kept.get(id);
    if (octets === undefined) return;
    this.#kept.delete(id);
    this.#size -= octets.length + OVERHEAD;
    this.#changed(-octets.length);
  }

  #use(id: string): Buffer | undefined {
    const kept = this.#kept.get(id);
    if (!kept || this.#size < KEPT / 2) return kept; // nothing leaves soon: its place in the order does not matter
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    return kept;
  }
}
