/**
 * The mailbox store port on JetStream. Where things lie: `subjects.ts`; how bodies are shared: `bodies.ts`; how
 * deliveries are filed: `filer.ts`.
 *
 * In:     a link to NATS on which `ensureMailboxStreams` has made the streams.
 * Fails:  `StoreUnavailable`, with the cause; after a time-out nothing is known about a delivery, and repeating it is
 *         safe, since its mark tells.
 */
import type { Chance, Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { folderOf, statusOf } from "../../mailbox/ledger.ts";
import {
  type Delivery,
  type Filed,
  type MailboxName,
  type MailboxStatus,
  type MailboxStore,
  type StoredMessage,
  StoreUnavailable,
  type Uid,
} from "../../mailbox/store.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Conflict, StoreFault } from "../fault.ts";
import { Bodies } from "./bodies.ts";
import { Filer } from "./filer.ts";
import { Ledgers } from "./ledgers.ts";
import { folderListing } from "./listing.ts";
import { recordsUnder } from "./pages.ts";
import { Reader } from "./reader.ts";
import { decodeLedger, decodeRecord, type MessageRecord } from "./records.ts";
import { everyLedger, mailboxOf, mailStream, recordSubject, shardOf } from "./subjects.ts";

export interface JetStreamMailboxOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Streams `M0 … M<n-1>`; fixed for the life of the installation. */
  readonly shards: number;
  readonly observeCommit?: (entries: number, ms: number) => void;
}

interface Shard {
  readonly index: number;
  readonly reader: Reader;
  readonly bodies: Bodies;
  readonly ledgers: Ledgers;
  readonly filer: Filer;
}

export class JetStreamMailboxStore implements MailboxStore {
  readonly #options: JetStreamMailboxOptions;
  readonly #shards: readonly Shard[];
  #closed = false;

  constructor(options: JetStreamMailboxOptions) {
    this.#options = options;
    this.#shards = Array.from({ length: options.shards }, (_, index) => openShard(options, index));
  }

  #shard(mailbox: MailboxName): Shard {
    return this.#shards[shardOf(mailbox, this.#shards.length)] as Shard;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    if (this.#closed) throw new StoreUnavailable("the mailbox store is closing");
    const { filer } = this.#shard(delivery.mailbox);
    return orUnavailable(unlessAborted(filer.deliver(delivery, signal), signal));
  }

  async status(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxStatus | undefined> {
    const loading = this.#shard(mailbox).ledgers.load(mailbox);
    const { ledger } = await orUnavailable(unlessAborted(loading, signal));
    return ledger.folders.length > 0 ? statusOf(mailbox, ledger) : undefined;
  }

  async *mailboxes(signal: AbortSignal): AsyncIterable<MailboxStatus> {
    const { nc } = this.#options.link;
    try {
      for (const { index } of this.#shards)
        for await (const { subject, data } of recordsUnder(nc, mailStream(index), everyLedger(index), signal))
          if (data.length > 0) yield statusOf(mailboxOf(subject), decodeLedger(data));
    } catch (error) {
      throw unavailable(error);
    }
  }

  async *messages(mailbox: MailboxName, folder: string, signal: AbortSignal): AsyncIterable<StoredMessage> {
    const { index, ledgers } = this.#shard(mailbox);
    try {
      yield* await folderListing({ ...this.#options, shard: index, ledgers }, mailbox, folder, signal);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async read(
    mailbox: MailboxName,
    folder: string,
    uid: Uid,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const shard = this.#shard(mailbox);
    const finding = this.#record(shard, mailbox, folder, uid);
    const record = await orUnavailable(unlessAborted(finding, signal));
    return record && octetsOf(record, shard.bodies, signal);
  }

  async #record(
    { index, ledgers, reader }: Shard,
    mailbox: MailboxName,
    folder: string,
    uid: Uid,
  ): Promise<MessageRecord | undefined> {
    const found = folderOf((await ledgers.load(mailbox)).ledger, folder);
    if (!found) return undefined;
    const subject = recordSubject(index, mailbox, found.id, uid);
    const data = await reader.fixed(subject);
    return data && decodeRecord(data);
  }

  /** Takes nothing new; what is on its way is finished. The link stays open: it is not ours. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { filer } of this.#shards) await filer.settled();
  }
}

function openShard(options: JetStreamMailboxOptions, index: number): Shard {
  const { link, clock, chance, log, observeCommit } = options;
  const commit = new GroupCommit(link, {
    stream: mailStream(index),
    log,
    clock,
    ...(observeCommit ? { observe: observeCommit } : {}),
  });
  const reader = new Reader(link, clock, mailStream(index));
  const bodies = new Bodies(reader, commit, index);
  const ledgers = new Ledgers(reader, index);
  const filer = new Filer({ reader, shard: index, commit, bodies, ledgers, clock, chance });
  return { index, reader, bodies, ledgers, filer };
}

async function* octetsOf(
  record: MessageRecord,
  bodies: Bodies,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (record.prefix !== "") yield Buffer.from(record.prefix);
  try {
    yield* bodies.read(record.bodyId, record.chunks, signal);
  } catch (error) {
    throw unavailable(error);
  }
}

/** The promise, unless the signal comes first; what the promise stands for goes on. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Faults of NATS become the port's own error; anything else (an abort, a bug) stays what it is. */
const unavailable = (error: unknown): unknown =>
  error instanceof StoreFault || error instanceof Conflict
    ? new StoreUnavailable(error.message, { cause: error })
    : error;

async function orUnavailable<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw unavailable(error);
  }
}
