/**
 * The queue port on JetStream. See ARCHITECTURE.md, "The queue".
 *
 * A message is one atomic batch of job records in stream `Q<shard>`; bodies too large to travel in the record lie in
 * `B<shard>`. The last record on a subject is the job; an empty one (a marker, with a TTL) says that it is gone.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Reply } from "../mail/reply.ts";
import { newMessageId } from "../queue/ids.ts";
import type { Job, JobKey, MessageId, Queued } from "../queue/job.ts";
import {
  type Admission,
  BodyMissing,
  type BodyWriter,
  type FinishedBody,
  type NewMessage,
  type OwnerEvents,
  type Ownership,
  type Pool,
  type Queue,
  QueueError,
  type Settlement,
} from "../queue/queue.ts";
import { mustBeAbsent } from "./absence.ts";
import { AdmissionGate, type Level } from "./admission.ts";
import { Bodies } from "./bodies.ts";
import { BodyRemover } from "./body-remover.ts";
import { decodeJob, hash, keyOf, shardOfKey, subjectOf } from "./codec.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict, type FaultKind, replyOf, StoreFault } from "./fault.ts";
import { JobEntries } from "./job-entries.ts";
import { bodyStream, queueStream } from "./layout.ts";
import { Owner } from "./owner.ts";
import { defaultTimes, type OwnershipTimes } from "./ownership.ts";
import { lastOnSubject } from "./read.ts";
import { speaking } from "./speaking.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

export interface JetStreamQueueOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** Streams `Q0 … Q<n-1>`; fixed for the life of the installation. */
  readonly shards: number;
  /** Partitions per pool; fixed for the life of the installation. */
  readonly partitions: number;
  /** How long body chunks may lie at most, seconds: the longest queue lifetime and two days. */
  readonly bodyTtlSeconds: () => number;
  readonly times?: OwnershipTimes;
  /** Octets the whole store may take, when the caller knows; used for admission. */
  readonly storeBytes?: number;
  readonly observeCommit?: (entries: number, ms: number) => void;
  readonly observeFault?: (kind: FaultKind) => void;
}

interface Shard {
  readonly jobs: GroupCommit;
  readonly bodies: Bodies;
  readonly entries: JobEntries;
}

export class JetStreamQueue implements Queue {
  readonly #options: JetStreamQueueOptions;
  readonly #link: Link;
  readonly #shards: readonly Shard[];
  readonly #own: GroupCommit;
  readonly #gate: AdmissionGate;
  readonly #owners = new Set<Owner>();
  readonly #remover: BodyRemover;

  constructor(options: JetStreamQueueOptions) {
    this.#options = options;
    this.#link = options.link;
    const commitOn = (stream: string, maxBytes?: number) =>
      new GroupCommit(options.link, {
        stream,
        log: options.log,
        clock: options.clock,
        ...(maxBytes === undefined ? {} : { maxBytes }),
        observe: (entries, ms, octets) => {
          this.#gate.took(stream, entries, octets);
          options.observeCommit?.(entries, ms);
        },
      });
    const isOwner = () => this.#owners.size > 0;
    this.#shards = Array.from({ length: options.shards }, (_, shard) => {
      const bodies = new Bodies(options.link, commitOn(bodyStream(shard)), shard, options.bodyTtlSeconds);
      const { partitions, clock, log } = options;
      const entries = new JobEntries({ shard, partitions, bodies, clock, log, isOwner });
      return { jobs: commitOn(queueStream(shard)), bodies, entries };
    });
    this.#own = commitOn(OWN_STREAM);
    this.#remover = new BodyRemover(options);
    this.#gate = new AdmissionGate({
      link: options.link,
      log: options.log,
      streams: Array.from({ length: options.shards }, (_, i) => [queueStream(i), bodyStream(i)]).flat(),
      ...(options.storeBytes === undefined ? {} : { storeBytes: options.storeBytes }),
    });
  }

  async start(): Promise<this> {
    await this.#gate.start();
    return this;
  }

  admission(): Admission {
    return this.#gate.admission();
  }

  /** Why `admission` is closed, for the figures. */
  get closed(): "away" | "full" | undefined {
    return this.#gate.closed;
  }

  /** How full the store is, for the figures. */
  get levels(): ReadonlyMap<string, Level> {
    return this.#gate.levels;
  }

  newId(): MessageId {
    return newMessageId(this.#options.clock.now());
  }

  openBody(id: MessageId, _signal: AbortSignal, reserve = false): BodyWriter {
    const shard = this.#shardIndex(id);
    const room = reserve ? () => {} : () => this.#gate.mustHaveRoom(bodyStream(shard));
    return speaking(this.#shardAt(shard).bodies.writer(room), (error) => this.#failure(error));
  }

  async *readBack(id: MessageId, body: FinishedBody, signal: AbortSignal): AsyncIterable<Uint8Array> {
    if (body.kind === "inline") {
      yield body.octets;
      return;
    }
    try {
      yield* this.#shardAt(this.#shardIndex(id)).bodies.read(body.id, body.chunks, signal);
    } catch (error) {
      throw signal.aborted ? error : this.#failure(error);
    }
  }

  async accept(message: NewMessage, signal: AbortSignal): Promise<void> {
    const first = message.jobs[0];
    if (first === undefined) throw new RangeError("a message needs at least one job");
    signal.throwIfAborted();
    const shard = this.#shardIndex(first.message);
    const { jobs, entries } = this.#shardAt(shard);
    try {
      this.#gate.mustHaveRoom(queueStream(shard));
      await jobs.commit(await entries.ofMessage(message));
    } catch (error) {
      // The id is nobody else's: what is there came with a batch of ours whose answer was lost, and an owner has dealt with
      // it already, so that the record no longer tells.
      if (error instanceof Conflict && error.doubted) return;
      throw this.#failure(error);
    }
  }

  async read(key: JobKey, signal: AbortSignal): Promise<Queued | undefined> {
    signal.throwIfAborted();
    if (shardOfKey(key) >= this.#shards.length) return undefined; // somebody made it up
    try {
      const subject = subjectOf(key);
      const record = await lastOnSubject(this.#link, queueStream(shardOfKey(key)), subject);
      // An owner forgets what is gone, so it must be.
      if (!record && this.#owners.size > 0) await mustBeAbsent(this.#shardAt(shardOfKey(key)).jobs, subject);
      return record && decodeJob(record.subject, record.sequence, record.data);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *body(queued: Queued, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { body } = queued.job;
    if (body.kind === "inline") {
      if (queued.inline === undefined) throw new BodyMissing(`inline body of ${queued.key} is not at hand`);
      yield queued.inline;
      return;
    }
    try {
      yield* this.#shardAt(shardOfKey(queued.key)).bodies.read(body.id, body.chunks, signal);
    } catch (error) {
      if (error instanceof BodyMissing || signal.aborted) throw error;
      throw this.#failure(error);
    }
  }

  async settle(change: Settlement, signal: AbortSignal): Promise<"done" | "stale"> {
    signal.throwIfAborted();
    try {
      const { jobs, entries } = this.#shardAt(shardOfKey(change.key));
      const records = await entries.ofSettlement(change, signal);
      await (change.canWait ? jobs.commitSoon(records) : jobs.commit(records));
      return "done";
    } catch (error) {
      if (error instanceof Conflict) return "stale";
      throw this.#failure(error);
    }
  }

  forget(key: JobKey, job: Job): void {
    const { bodies } = this.#shardAt(shardOfKey(key));
    this.#remover.remove(key, job, bodies);
  }

  async own(wanted: Pool, events: OwnerEvents, _signal: AbortSignal): Promise<Ownership> {
    const { confined } = this.#link;
    const everything = wanted.policy === undefined && wanted.namespace === undefined;
    const pool = everything && confined !== undefined ? { ...wanted, namespace: confined } : wanted;
    const owner = new Owner({
      link: this.#link,
      commit: this.#own,
      shards: this.#options.shards,
      partitions: this.#options.partitions,
      clock: this.#options.clock,
      log: this.#options.log,
      times: this.#options.times ?? defaultTimes,
      pool,
      events,
    });
    await owner.start();
    this.#owners.add(owner);
    return owner;
  }

  async *list(signal: AbortSignal): AsyncIterable<Queued> {
    for (let shard = 0; shard < this.#options.shards; shard++) {
      const found = await this.#snapshot(shard);
      signal.throwIfAborted();
      yield* found;
    }
  }

  /** The jobs of one moment. Ended before it is looked at: whoever edits what is listed must not meet his own edits. */
  async #snapshot(shard: number): Promise<readonly Queued[]> {
    const found = new Map<JobKey, Queued>();
    const onMessage = ({ subject, sequence, data, forged }: TailMessage) => {
      const queued = forged ? undefined : decodeJob(subject, sequence, data);
      if (queued) found.set(queued.key, { key: queued.key, revision: queued.revision, job: queued.job });
      else found.delete(keyOf(subject));
    };
    const { log } = this.#options;
    const { confined } = this.#link;
    await using tail = new Tail(this.#link, {
      stream: queueStream(shard),
      filters: [confined === undefined ? `q${shard}.>` : `q${shard}.*.${confined}.>`],
      log,
      onMessage,
    });
    await tail.start();
    await tail.caughtUp;
    return [...found.values()];
  }

  #failure(error: unknown): Error {
    if (error instanceof QueueError || error instanceof BodyMissing) return error;
    if (error instanceof StoreFault) this.#options.observeFault?.(error.kind);
    const answer: Reply = replyOf(error);
    if (answer.code === 452) this.#gate.full();
    return new QueueError(answer, error);
  }

  #shardIndex(id: MessageId): number {
    return hash(id) % this.#shards.length;
  }

  #shardAt(index: number): Shard {
    const shard = this.#shards[index];
    if (shard === undefined) throw new RangeError(`there is no shard ${index}`);
    return shard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const owner of this.#owners) await owner[Symbol.asyncDispose]();
    await this.#remover[Symbol.asyncDispose]();
    for (const { jobs } of this.#shards) await jobs.settled();
    await this.#gate[Symbol.asyncDispose]();
  }
}
