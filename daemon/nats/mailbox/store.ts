/**
 * The mailbox store port on JetStream. Where things lie: `subjects.ts`; how bodies are shared: `bodies.ts`; how
 * deliveries are filed: `filer.ts`.
 *
 * In:     a link to NATS on which `ensureMailboxStreams` has made the streams.
 * Fails:  `StoreUnavailable`, with the cause; after a time-out nothing is known about a delivery, and repeating it is
 *         safe, since its mark tells.
 */
import { nuid } from "@nats-io/transport-node";
import type { Chance, Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { Overtaken } from "../../mailbox/journal.ts";
import { folderOf, statusOf } from "../../mailbox/ledger.ts";
import { keptOf } from "../../mailbox/record.ts";
import { afterRestoration } from "../../mailbox/restored.ts";
import type { Exclusive, MailboxAccess, MailboxSession, OpenOptions } from "../../mailbox/session.ts";
import { Sessions } from "../../mailbox/sessions.ts";
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
import type { Finding, MailboxUpkeep } from "../../mailbox/upkeep.ts";
import { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { namespaceShard } from "../users/permissions.ts";
import { Bodies } from "./bodies.ts";
import { Chunks } from "./chunks.ts";
import { collectForever } from "./collecting.ts";
import { Feed } from "./feed.ts";
import { Filer } from "./filer.ts";
import { Heads } from "./heads.ts";
import { JetStreamJournal, type JournalParts } from "./journal.ts";
import { takeLease } from "./lease.ts";
import { Ledgers } from "./ledgers.ts";
import { folderListing } from "./listing.ts";
import { ObservedJournal, type ObserveMailbox, observedDelivery } from "./observed.ts";
import { recordsUnder } from "./pages.ts";
import { Reader } from "./reader.ts";
import { decodeLedger, decodeRecord, type MessageRecord } from "./records.ts";
import { Scripts } from "./scripts.ts";
import {
  everyLedger,
  leaseSubject,
  mailboxOf,
  mailStream,
  recordSubject,
  type Shard,
  shardOf,
} from "./subjects.ts";
import { Turns } from "./turns.ts";
import { orUnavailable, unavailable, unlessAborted } from "./unavailable.ts";
import { repairMailbox, verifyMailbox } from "./upkeep.ts";
import { Uses } from "./uses.ts";

export interface JetStreamMailboxOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Streams `M0 … M<n-1>`; fixed for the life of the installation. */
  readonly shards: number;
  /** The mailboxes of this namespace alone, which has a stream of its own. */
  readonly namespace?: string;
  readonly observeCommit?: (entries: number, ms: number) => void;
  readonly observe?: ObserveMailbox;
  /** By how much the octets of digests in memory have become more. */
  readonly observeDigests?: (octets: number) => void;
  /** How long a delivery is remembered whose message was removed meanwhile, ms; the queue's lifetime at least. */
  readonly rememberMs?: number;
}

/** The longest common lifetime of a queue is five days. */
const REMEMBER_MS = 9 * 86_400_000;

interface Opened extends JournalParts {
  readonly filer: Filer;
}

export class JetStreamMailboxStore implements MailboxStore, MailboxAccess, MailboxUpkeep {
  readonly #options: JetStreamMailboxOptions;
  readonly #shards: readonly Opened[];
  readonly #sessions: Sessions;
  /** Sieve scripts, and what automatic answers remember. */
  readonly scripts: Scripts;
  /** Of app passwords. */
  readonly uses: Uses;
  #closed = false;

  constructor(options: JetStreamMailboxOptions) {
    this.#options = options;
    this.#shards = shardsOf(options).map((shard) => openShard(options, shard));
    this.scripts = new Scripts((mailbox) => this.#shard(mailbox));
    this.uses = new Uses((mailbox) => this.#shard(mailbox));
    const { observe } = options;
    const journal = (mailbox: MailboxName) =>
      observe === undefined
        ? new JetStreamJournal(mailbox, this.#shard(mailbox))
        : new ObservedJournal(observe, mailbox, this.#shard(mailbox));
    this.#sessions = new Sessions(journal, options.clock, options.chance);
  }

  #shard(mailbox: MailboxName): Opened {
    return this.#shards[shardOf(mailbox, this.#shards.length)] as Opened;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    if (this.#closed) throw new StoreUnavailable("the mailbox store is closing");
    const { filer } = this.#shard(delivery.mailbox);
    const { observe } = this.#options;
    const delivering = orUnavailable(unlessAborted(filer.deliver(delivery, signal), signal));
    return observe === undefined ? delivering : observedDelivery(observe, delivering);
  }

  open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession> {
    if (this.#closed) throw new StoreUnavailable("the mailbox store is closing");
    return this.#sessions.open(mailbox, options, signal);
  }

  /** Waits for the store even when aborted: a lease that nobody gives back would be renewed for ever. */
  async exclusive(mailbox: MailboxName, signal: AbortSignal): Promise<Exclusive | undefined> {
    signal.throwIfAborted();
    const { reader, commit, shard } = this.#shard(mailbox);
    const subject = leaseSubject(shard, mailbox);
    const lease = await orUnavailable(takeLease(reader, commit, subject, nuid.next()));
    if (!signal.aborted) return lease;
    await lease?.[Symbol.asyncDispose]();
    throw signal.reason;
  }

  verify(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]> {
    return orUnavailable(verifyMailbox(this.#shard(mailbox), mailbox, signal));
  }

  repair(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]> {
    return orUnavailable(repairMailbox(this.#shard(mailbox), mailbox, signal));
  }

  async restored(mailbox: MailboxName, signal: AbortSignal): Promise<boolean> {
    const shard = this.#shard(mailbox);
    const journal = new JetStreamJournal(mailbox, shard);
    for (;;) {
      signal.throwIfAborted();
      const { ledger, sequence: expect } = await orUnavailable(shard.ledgers.load(mailbox));
      if (ledger.folders.length === 0) return false;
      try {
        await journal.commit({ expect, ledger: afterRestoration(ledger), edits: [], logs: [] });
        return true;
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error; // another writer was first, and got on with it
      }
    }
  }

  /** From now on removes bodies that nothing refers to, until it is disposed of; for the mailbox role. */
  collecting(): AsyncDisposable {
    const stop = new AbortController();
    const { chance } = this.#options;
    const ended = Promise.all(this.#shards.map((shard) => collectForever(shard, chance, stop.signal)));
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await ended;
      },
    };
  }

  async status(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxStatus | undefined> {
    const loading = this.#shard(mailbox).ledgers.load(mailbox);
    const { ledger } = await orUnavailable(unlessAborted(loading, signal));
    return ledger.folders.length > 0 ? statusOf(mailbox, ledger) : undefined;
  }

  async *mailboxes(signal: AbortSignal): AsyncIterable<MailboxStatus> {
    const { link } = this.#options;
    try {
      for (const { shard: index } of this.#shards)
        for await (const { subject, data } of recordsUnder(
          link,
          mailStream(index),
          everyLedger(index),
          signal,
        ))
          if (data.length > 0) yield statusOf(mailboxOf(subject), decodeLedger(data));
    } catch (error) {
      throw unavailable(error);
    }
  }

  async *messages(mailbox: MailboxName, folder: string, signal: AbortSignal): AsyncIterable<StoredMessage> {
    const { shard, ledgers } = this.#shard(mailbox);
    try {
      yield* await folderListing({ ...this.#options, shard, ledgers }, mailbox, folder, signal);
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
    if (!record) return undefined;
    const { content } = keptOf(uid, record);
    return new JetStreamJournal(mailbox, shard).read(content, undefined, signal);
  }

  async #record(
    { shard, ledgers, reader }: Opened,
    mailbox: MailboxName,
    folder: string,
    uid: Uid,
  ): Promise<MessageRecord | undefined> {
    const found = folderOf((await ledgers.load(mailbox)).ledger, folder);
    if (!found) return undefined;
    const subject = recordSubject(shard, mailbox, found.id, uid);
    const data = await reader.fixed(subject);
    return data && decodeRecord(data);
  }

  /** Takes nothing new; what is on its way is finished. The link stays open: it is not ours. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#sessions[Symbol.asyncDispose]();
    await this.scripts[Symbol.asyncDispose]();
    for (const { filer, feed } of this.#shards) {
      await filer.settled();
      await feed[Symbol.asyncDispose]();
    }
  }
}

const shardsOf = ({
  shards,
  namespace,
}: Pick<JetStreamMailboxOptions, "shards" | "namespace">): readonly Shard[] =>
  namespace === undefined ? Array.from({ length: shards }, (_, i) => i) : [namespaceShard(namespace)];

function openShard(options: JetStreamMailboxOptions, shard: Shard): Opened {
  const { link, clock, chance, log, observeCommit, rememberMs = REMEMBER_MS } = options;
  const commit = new GroupCommit(link, {
    stream: mailStream(shard),
    log,
    clock,
    ...(observeCommit ? { observe: observeCommit } : {}),
  });
  const reader = new Reader(link, clock, mailStream(shard));
  const chunks = new Chunks(reader, commit, shard);
  const bodies = new Bodies({ reader, commit, chunks, shard, clock });
  const ledgers = new Ledgers(reader, shard);
  const turns = new Turns();
  const filer = new Filer({ reader, shard, commit, bodies, ledgers, turns, clock, chance });
  const heads = new Heads(reader, shard, options.observeDigests);
  const feed = new Feed(link, shard, log, () => {
    ledgers.forgetAll();
    bodies.forgetAll();
  });
  return {
    link,
    shard,
    reader,
    commit,
    bodies,
    chunks,
    heads,
    ledgers,
    turns,
    filer,
    feed,
    clock,
    log,
    rememberMs,
  };
}
