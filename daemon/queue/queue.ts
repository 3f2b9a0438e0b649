/**
 * The queue port: what accepting, delivering and operating ask of the durable queue. `daemon/nats` implements it on
 * JetStream, `daemon/queue/memory.ts` in memory; `test/contract/queue.ts` holds both to the same suite.
 *
 * Durability: a promise that resolves means fsynced. A rejected one means nothing is promised either way, and the
 * caller answers 4xx; errors are `QueueError`s that know their reply.
 */

import type { Reply } from "../mail/reply.ts";
import type { Job, JobClass, JobKey, MessageId, PolicyName, Queued } from "./job.ts";

/** The store could not take or give something; `reply` is what an SMTP client should hear (451 or 452, or 552). */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly reply: Reply;
  constructor(reply: Reply, cause?: unknown) {
    super(reply.text, { cause });
    this.reply = reply;
  }
}

/** A message's octets while they arrive. Small bodies stay in memory; larger ones are stored chunk by chunk. */
export interface BodyWriter {
  /** Takes octets (they may be reused after the call returns or its promise resolves). A promise means: wait. */
  write(octets: Uint8Array): void | Promise<void>;
  /** Ends the body. Stored chunks are durable when it resolves. */
  finish(): Promise<FinishedBody>;
  /** Forgets it; what was stored is removed in the background. Safe to call at any time. */
  abandon(): void;
  readonly size: number;
}

export type FinishedBody =
  | { readonly kind: "inline"; readonly octets: Uint8Array }
  | { readonly kind: "stored"; readonly id: string; readonly chunks: number; readonly size: number };

/** A job that is not in the queue yet: its body is named apart, since the adapter decides how to keep it. */
export type NewJob = Omit<Job, "body">;

/** A message and all its jobs, accepted as one. */
export interface NewMessage {
  readonly jobs: readonly NewJob[];
  readonly body: FinishedBody;
}

/** What becomes of one job, and what is queued in the same instant (DSNs): all of it or nothing. */
export interface Settlement {
  readonly key: JobKey;
  readonly revision: number;
  /** The job's next record, or `undefined`: it is done. */
  readonly next: Job | undefined;
  /** Needed when `next` keeps an inline body. */
  readonly inline?: Uint8Array;
  readonly also: readonly NewMessage[];
  /** Nobody waits for it: it may be stored some milliseconds later, together with others. */
  readonly canWait?: boolean;
}

/** Which jobs an owner works on: those of one policy, of a namespace's policies, or all. */
export interface Pool {
  readonly class: JobClass;
  readonly policy?: PolicyName;
  /** Said only without `policy`. */
  readonly namespace?: string;
}

/** What an owner hears, in order per key. Nothing here may block: it is bookkeeping. */
export interface OwnerEvents {
  /** The job exists in this state now (at start-up: every job; later: each change, also our own). */
  put(queued: Queued, partition: number): void;
  gone(key: JobKey): void;
  /** These partitions are ours now; `put`s follow. */
  gained(partitions: readonly number[]): void;
  /** These are no longer ours: forget their jobs; attempts in flight may end, their settlement is fenced by CAS. */
  lost(partitions: readonly number[]): void;
  /** Resolves when no attempt on these partitions is in flight: they are about to be handed over. `lost` came first. */
  idle(partitions: readonly number[]): Promise<void>;
}

export interface Ownership extends AsyncDisposable {
  /** False when the lease may run out soon: start nothing new. */
  mayStart(): boolean;
  /** Gives every partition to others; resolves when they are released. */
  release(): Promise<void>;
}

export type Admission = { readonly open: true } | { readonly open: false; readonly reply: Reply };

export interface Queue extends AsyncDisposable {
  /** Cheap, from memory: may a new message come in? Closed at 80 % of the store and while NATS is away. */
  admission(): Admission;
  newId(): MessageId;
  /** `reserve`: for a report of what is here already, which may use the room that new messages must leave. */
  openBody(id: MessageId, signal: AbortSignal, reserve?: boolean): BodyWriter;
  /** The octets of a body that is finished, before its jobs exist. Throws `QueueError` when they cannot be read. */
  readBack(id: MessageId, body: FinishedBody, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Resolves when all jobs are durable: the 250. All or none. */
  accept(message: NewMessage, signal: AbortSignal): Promise<void>;
  /** The job as the leader knows it, or `undefined` when it is gone. */
  read(key: JobKey, signal: AbortSignal): Promise<Queued | undefined>;
  /** The octets of a job's body. Throws `QueueError` when they cannot be read, `BodyMissing` when they do not exist. */
  body(queued: Queued, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** `stale`: someone else changed the job first; nothing was written. */
  settle(change: Settlement, signal: AbortSignal): Promise<"done" | "stale">;
  /** Removes a finished job's stored body, when no other job refers to it. In the background; never fails. */
  forget(key: JobKey, job: Job): void;
  own(pool: Pool, events: OwnerEvents, signal: AbortSignal): Promise<Ownership>;
  /** Every job, oldest first per partition. For operators: never used on the road of a message. */
  list(signal: AbortSignal): AsyncIterable<Queued>;
}

export class BodyMissing extends Error {
  override readonly name = "BodyMissing";
}
