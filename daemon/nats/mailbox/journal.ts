/**
 * One mailbox on JetStream as its cache needs it.
 *
 * Spec:   the contract in `daemon/mailbox/journal.ts`; what a unit writes: `unit.ts`.
 * Fails:  `StoreUnavailable` with its cause.
 */
import { nuid } from "@nats-io/transport-node";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { pack, unpack } from "../../mailbox/digest/pack.ts";
import { digestOf, type Scanned, Scanner } from "../../mailbox/digest/scan.ts";
import type { Digest, Range } from "../../mailbox/digest.ts";
import {
  type Followed,
  type Follower,
  type Journal,
  type Loaded,
  Overtaken,
  type Staged,
  type Unit,
} from "../../mailbox/journal.ts";
import type { MessageRecord } from "../../mailbox/record.ts";
import type { MailboxName, Uid } from "../../mailbox/store.ts";
import { emptyLog } from "../../mailbox/vanished.ts";
import type { Content } from "../../mailbox/view.ts";
import type { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Conflict } from "../fault.ts";
import { Tail } from "../tail.ts";
import type { Bodies, Carried } from "./bodies.ts";
import { type Chunks, chunksOf } from "./chunks.ts";
import type { Feed } from "./feed.ts";
import type { Heads } from "./heads.ts";
import type { Ledgers } from "./ledgers.ts";
import type { Reader } from "./reader.ts";
import { decodeLog, decodeRecord } from "./records.ts";
import { folderRecords, ledgerSubject, logSubject, mailStream, type Shard, uidOf } from "./subjects.ts";
import type { Turns } from "./turns.ts";
import { orUnavailable, unavailable, unlessAborted } from "./unavailable.ts";
import { OWN_ID, unitEntries } from "./unit.ts";

export interface JournalParts {
  readonly link: Link;
  readonly shard: Shard;
  readonly reader: Reader;
  readonly commit: GroupCommit;
  readonly bodies: Bodies;
  readonly chunks: Chunks;
  readonly heads: Heads;
  readonly ledgers: Ledgers;
  readonly turns: Turns;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
  readonly rememberMs: number;
}

/** A unit may carry two hundred of them. */
const CARRY_LIMIT = 64 << 10;
const EMPTY = Buffer.alloc(0);
const nothing = pack(digestOf(new Uint8Array()));

export class JetStreamJournal implements Journal {
  readonly mailbox: MailboxName;
  readonly #parts: JournalParts;
  readonly #carried = new WeakMap<Staged, Carried>();

  constructor(mailbox: MailboxName, parts: JournalParts) {
    this.mailbox = mailbox;
    this.#parts = parts;
  }

  /** Follows first and reads then: what is stored in between is told, and known to be old by its sequence. */
  async follow(follower: Follower, signal: AbortSignal): Promise<Followed> {
    const { feed, ledgers } = this.#parts;
    const end = await orUnavailable(feed.follow(this.mailbox, follower));
    try {
      const { ledger, sequence } = await orUnavailable(unlessAborted(ledgers.load(this.mailbox), signal));
      return { ledger, sequence, [Symbol.asyncDispose]: async () => end() };
    } catch (error) {
      end();
      throw error;
    }
  }

  doubt(): Promise<void> {
    return orUnavailable(this.#parts.feed.doubt());
  }

  async load(folder: number, signal: AbortSignal): Promise<Loaded> {
    try {
      return await this.#load(folder, signal);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async #load(folder: number, signal: AbortSignal): Promise<Loaded> {
    const { link, shard, log, reader } = this.#parts;
    const records: (readonly [Uid, MessageRecord])[] = [];
    let sequence = 0;
    let asOf = 0;
    const ledger = ledgerSubject(shard, this.mailbox);
    await using tail = new Tail(link, {
      stream: mailStream(shard),
      filters: [folderRecords(shard, this.mailbox, folder), ledger],
      onMessage: (message) => {
        if (message.subject === ledger) {
          asOf = message.sequence;
          return;
        }
        sequence = message.sequence;
        const uid = uidOf(message.subject) as Uid;
        if (message.data.length > 0) records.push([uid, decodeRecord(message.data)]);
      },
      log,
    });
    await unlessAborted(tail.start(), signal);
    const [found] = await Promise.all([
      reader.last(logSubject(shard, this.mailbox, folder)),
      unlessAborted(tail.caughtUp, signal),
    ]);
    const known = found && found.data.length > 0 ? decodeLog(found.data) : emptyLog;
    return { sequence, records, log: known, asOf };
  }

  async latest(): Promise<number> {
    const { reader, shard } = this.#parts;
    return (await orUnavailable(reader.last(ledgerSubject(shard, this.mailbox))))?.sequence ?? 0;
  }

  turn<T>(work: (known: number) => Promise<T>): Promise<T> {
    const { turns, ledgers } = this.#parts;
    return turns.take(this.mailbox, () => work(ledgers.remembered(this.mailbox)?.sequence ?? 0));
  }

  async commit(unit: Unit): Promise<number> {
    const { shard, commit, clock, ledgers, rememberMs } = this.#parts;
    const carried = (edit: Unit["edits"][number]) =>
      edit.kind === "new" && edit.staged ? this.#carried.get(edit.staged) : undefined;
    const target = {
      shard,
      mailbox: this.mailbox,
      now: clock.now(),
      receipt: nuid.next(),
      rememberMs,
      carried,
    };
    const entries = unitEntries(target, unit);
    try {
      const first = await commit.commit(entries);
      const sequence = first + entries.length - 1;
      ledgers.remember(this.mailbox, { ledger: unit.ledger, sequence });
      return sequence;
    } catch (error) {
      ledgers.forget(this.mailbox);
      if (error instanceof Conflict) throw new Overtaken(error.message, { cause: error });
      throw unavailable(error);
    }
  }

  async stage(size: number, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Staged> {
    const { bodies } = this.#parts;
    const bodyId = nuid.next();
    const incoming = { bodyId, size, body: () => body };
    const staged = { bodyId, size, chunks: chunksOf(size) };
    if (size > CARRY_LIMIT) await orUnavailable(bodies.store(incoming, signal));
    else {
      const carried = await orUnavailable(bodies.carry(incoming));
      if (size > 0) this.#carried.set(staged, carried);
    }
    return staged;
  }

  async digests(contents: readonly Content[], signal: AbortSignal): Promise<readonly Digest[]> {
    const ids = contents.flatMap(({ bodyId, size }) => (size > 0 ? [bodyId] : []));
    const heads = await orUnavailable(this.#parts.heads.load(ids, signal));
    const digests: Digest[] = [];
    for (const content of contents) {
      const { bodyId, prefix, size } = content;
      const before = prefix === "" ? EMPTY : Buffer.from(prefix);
      const head = size > 0 ? heads.get(bodyId) : undefined;
      const digest = size > 0 ? head?.digest : nothing;
      digests.push(unpack(digest ?? pack(await this.#digestAnew(content, signal)), before, head?.header));
    }
    return digests;
  }

  /** Of a body that was filed before there were heads. */
  async #digestAnew({ bodyId, size }: Content, signal: AbortSignal): Promise<Scanned> {
    const scanner = new Scanner();
    const whole = { offset: 0, size };
    try {
      for await (const piece of this.#parts.chunks.read(bodyId, size, whole, signal)) scanner.push(piece);
    } catch (error) {
      throw unavailable(error);
    }
    return scanner.end();
  }

  async *read(
    { prefix, bodyId, size }: Content,
    range: Range | undefined,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const head = Buffer.from(prefix);
    const from = range?.offset ?? 0;
    const to = range ? from + range.size : head.length + size;
    if (from < Math.min(to, head.length)) yield head.subarray(from, to);
    const offset = Math.max(0, from - head.length);
    const rest = { offset, size: Math.max(0, to - head.length - offset) };
    try {
      yield* this.#parts.chunks.read(bodyId, size, rest, signal);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async octets(contents: readonly Content[], signal: AbortSignal): Promise<readonly (Buffer | undefined)[]> {
    const ids = contents.flatMap(({ bodyId, size }) => (size > 0 ? [bodyId] : []));
    const bodies = await orUnavailable(this.#parts.chunks.firstOf(ids, signal));
    return contents.map(({ prefix, bodyId, size }) => {
      const body = size === 0 ? EMPTY : bodies.get(bodyId);
      if (body === undefined || body.length !== size) return undefined;
      return prefix === "" ? body : Buffer.concat([Buffer.from(prefix), body]);
    });
  }

  newDeliveryId(): string {
    return `${OWN_ID}${nuid.next()}`;
  }
}
