/**
 * An owner of partitions of one pool: holds the lease, and follows the jobs of what it holds.
 *
 * Each set of partitions that is gained together is followed by one consumer; what is given up is ignored from then on,
 * and a consumer is closed when nothing of its set is left.
 */

import type { OwnerEvents, Ownership, Pool } from "../queue/queue.ts";
import { decodeJob, keyOf, partitionOf, policyTokens } from "./codec.ts";
import { refuseCrowd } from "./crowding.ts";
import { queueStream } from "./layout.ts";
import { type OwnershipDeps, PartitionOwnership } from "./ownership.ts";
import { poolName, refuseRivals } from "./rivals.ts";
import { Tail, type TailMessage } from "./tail.ts";

export interface OwnerOptions extends Omit<OwnershipDeps, "pool" | "hooks"> {
  readonly shards: number;
  readonly pool: Pool;
  readonly events: OwnerEvents;
}

interface Following {
  readonly partitions: Set<number>;
  tails: Tail[];
}

/** More filters than this and one wildcard filter is cheaper for the server; what is not ours is ignored here. */
const MANY_FILTERS = 24;

export class Owner implements Ownership {
  readonly #options: OwnerOptions;
  readonly #lease: PartitionOwnership;
  readonly #following = new Set<Following>();
  readonly #held = new Set<number>();
  #released: Promise<void> | undefined;

  constructor(options: OwnerOptions) {
    this.#options = options;
    const { pool } = options;
    this.#lease = new PartitionOwnership({
      ...options,
      pool: poolName(pool),
      hooks: {
        gained: (partitions) => void this.#gain(partitions),
        releasing: (partitions) => {
          this.#drop(partitions);
          return partitions.map((partition) => options.events.idle([partition]));
        },
        lost: (partitions) => this.#drop(partitions),
      },
    });
  }

  async start(): Promise<this> {
    const { link, pool, log, partitions } = this.#options;
    await refuseRivals(link, pool, log);
    await refuseCrowd(link, pool, partitions);
    await this.#lease.start();
    try {
      await refuseRivals(link, pool, log); // of two that start in the same moment
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    return this;
  }

  mayStart(): boolean {
    return this.#lease.mayStart();
  }

  release(): Promise<void> {
    this.#released ??= this.#lease.release();
    return this.#released;
  }

  async #gain(partitions: readonly number[]): Promise<void> {
    const { events, shards, log, link } = this.#options;
    for (const p of partitions) this.#held.add(p);
    events.gained(partitions);
    const following: Following = { partitions: new Set(partitions), tails: [] };
    this.#following.add(following);
    for (let shard = 0; shard < shards; shard++) {
      if (!this.#following.has(following)) return; // given up meanwhile
      const filters = this.#filters(shard, partitions);
      const onMessage = (message: TailMessage) => this.#hear(message, following.partitions);
      const tail = new Tail(link, { stream: queueStream(shard), filters, log, onMessage });
      following.tails.push(tail);
      await tail.begin();
    }
  }

  #filters(shard: number, partitions: readonly number[]): string[] {
    const { pool, link } = this.#options;
    const of = pool.policy === undefined ? `${pool.namespace ?? "*"}.*` : policyTokens(pool.policy);
    const head = `q${shard}.${pool.class}.${of}`;
    // Several filters cannot be named in the call's subject, so who may read one namespace only has a single one.
    const most = link.confined === undefined ? MANY_FILTERS : 1;
    if (partitions.length > most) return [`${head}.>`];
    return partitions.map((p) => `${head}.${p}.>`);
  }

  #hear(message: TailMessage, mine: ReadonlySet<number>): void {
    const partition = partitionOf(message.subject);
    if (!mine.has(partition) || !this.#held.has(partition)) return;
    const { events, log } = this.#options;
    if (message.forged)
      log.error(
        { subject: message.subject },
        "a job was written by somebody who may not: it is not carried out",
      );
    else if (message.data.length === 0) events.gone(keyOf(message.subject));
    else {
      const queued = decodeJob(message.subject, message.sequence, message.data);
      if (queued) events.put(queued, partition);
    }
  }

  #drop(partitions: readonly number[]): void {
    for (const p of partitions) this.#held.delete(p);
    for (const following of this.#following) {
      for (const p of partitions) following.partitions.delete(p);
      if (following.partitions.size > 0) continue;
      this.#following.delete(following);
      for (const tail of following.tails) void tail[Symbol.asyncDispose]();
    }
    this.#options.events.lost(partitions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
    await this.#lease[Symbol.asyncDispose]();
    const tails = [...this.#following].flatMap((f) => f.tails);
    await Promise.all(tails.map((tail) => tail[Symbol.asyncDispose]()));
  }
}
