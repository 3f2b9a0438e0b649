/**
 * Group commit: many small units, one fsync.
 *
 * JetStream fsyncs a few times for an atomic batch however many messages it holds, and makes and removes a small store for
 * it (three folders, a dozen files), so at any time one batch is in flight per stream, and the next one takes whatever has
 * queued up meanwhile. That includes what is still to be read from sockets when the answer comes: it has waited as long.
 * An entry that is alone needs no batch: a plain message is as atomic, and costs one fsync. Nor do a few units of one entry.
 *
 * In:     units, each a few entries that are stored together or not at all.
 * Out:    a promise per unit that resolves when the unit is durable, with the stream sequence of its first entry; the
 *         others follow without a gap.
 * Fails:  `Conflict` when a compare-and-set of the unit failed: nothing of it is stored. `StoreFault` otherwise.
 *         A batch that fails because of one unit is split until the others are through. An answer that did not arrive is
 *         not taken for a failure: the leader is asked whether the unit's first entry carries our batch id. Only when
 *         the time is over the unit is given up as `away`, and then nothing is known about it. Its `cause` is what the server
 *         said when it pushed back to the end: so it does, too, when one entry among several can never be stored.
 *
 * The publisher is our own because `Batch.add()` of @nats-io/jetstream 3.4.0 drops expectations and TTLs.
 */
import { setImmediate as turn } from "node:timers/promises";
import { type MsgHdrs, type NatsConnection, nuid } from "@nats-io/transport-node";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "./connect.ts";
import { LEADERLESS_MS } from "./elsewhere.ts";
import { type ApiError, Conflict, faultOf, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";

export interface Entry {
  readonly subject: string;
  readonly data: Uint8Array;
  /** The stream sequence of the subject's last message; 0: there must be none. */
  readonly expect?: number;
  /** The subject that `expect` speaks of, when it is not the entry's own. */
  readonly on?: string;
  /** Nats-TTL, for example `600s`. */
  readonly ttl?: string;
}

export interface CommitOptions {
  readonly stream: string;
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  /** A unit that is not durable after this is given up, ms. */
  readonly timeoutMs?: number;
  /** After this an answer counts as lost and is looked up, ms. */
  readonly answerMs?: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Told after every batch: its entries and how long the store took, ms. */
  readonly observe?: (entries: number, ms: number, octets: number) => void;
}

interface Unit {
  readonly entries: readonly Entry[];
  readonly bytes: number;
  readonly deadline: number;
  readonly done: (first: number) => void;
  readonly failed: (reason: unknown) => void;
  /** Batch ids under which it may have been stored without our hearing of it. */
  doubts: string[];
  /** How long it rests when the server pushes back, ms. */
  pauseMs: number;
  /** What the server said then last. */
  pushedBack?: StoreFault;
}

interface Answer {
  readonly error?: ApiError;
  /** Stream sequence of the batch's last entry. */
  readonly seq?: number;
}

/** Another's write to the same subject is stored in less; a server that pushes back needs longer. */
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;
/** Two silences with so much between them are two, ms. */
const APART_MS = 15_000;

/**
 * Up to this many units of one entry each go as messages of their own, one behind the other: in an unreplicated stream a
 * batch costs more than their fsyncs.
 */
const FEW = 8;
const isFew = (units: readonly Unit[]): boolean =>
  units.length > 1 && units.length <= FEW && units.every(({ entries }) => entries.length === 1);

/** What tells a batch again when its answer was lost. */
const BATCH_ID = "Nats-Batch-Id";
/** The same of an entry that is alone: a batch of one would cost an unreplicated stream four fsyncs instead of one. */
const ALONE_ID = "Postfleet-Commit";
/** Server limit of one atomic batch. */
const BATCH_LIMIT = 1_000;

export class GroupCommit {
  readonly #link: Link;
  readonly #nc: NatsConnection;
  readonly #stream: string;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #answerMs: number;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #observe: (entries: number, ms: number, octets: number) => void;
  #waiting: Unit[] = [];
  #running = false;
  #idle: (() => void)[] = [];
  /** Since when nobody answers for the stream, and when that was noticed last; monotonic ms. */
  #silence: { readonly since: number; readonly seen: number } | undefined;

  constructor(link: Link, options: CommitOptions) {
    this.#link = link;
    this.#nc = link.nc;
    this.#stream = options.stream;
    this.#maxEntries = Math.min(options.maxEntries ?? 512, BATCH_LIMIT);
    this.#maxBytes = options.maxBytes ?? 4 << 20;
    this.#timeoutMs = options.timeoutMs ?? 20_000;
    this.#answerMs = options.answerMs ?? 5_000;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#observe = options.observe ?? (() => {});
  }

  /** Units that wait or are in flight. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when the unit is durable. Units of one caller are stored in the order of their calls unless one fails. */
  commit(entries: readonly Entry[], timeoutMs = this.#timeoutMs): Promise<number> {
    if (entries.length === 0 || entries.length > BATCH_LIMIT)
      throw new RangeError(`a unit has 1 to ${BATCH_LIMIT} entries, not ${entries.length}`);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let bytes = 0;
    for (const entry of entries) bytes += entry.data.length;
    const deadline = this.#clock.monotonic() + timeoutMs;
    this.#waiting.push({
      entries,
      bytes,
      deadline,
      done: resolve,
      failed: reject,
      doubts: [],
      pauseMs: SHORTEST_PAUSE_MS,
    });
    if (!this.#running) {
      this.#running = true;
      // Everything that the current turn of the event loop wants to store goes into the first batch.
      setImmediate(() => void this.#run());
    }
    return promise;
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#store(batch);
      } catch (error) {
        // Unreachable by design; a fault of ours must not leave callers waiting for ever.
        for (const unit of batch) unit.failed(new StoreFault("refused", "group commit failed", error));
      }
      // What arrived together with the answer joins the next batch.
      await turn();
    }
    this.#running = false;
    for (const wake of this.#idle.splice(0)) wake();
  }

  /** As many units as fit; a unit whose subject is in the batch already waits, so that each CAS sees the one before. */
  #take(): Unit[] {
    const batch: Unit[] = [];
    const subjects = new Set<string>();
    let entries = 0;
    let bytes = 0;
    let taken = 0;
    for (const unit of this.#waiting) {
      const full = entries + unit.entries.length > this.#maxEntries || bytes + unit.bytes > this.#maxBytes;
      if (batch.length > 0 && (full || unit.entries.some((e) => subjects.has(e.subject)))) break;
      batch.push(unit);
      for (const entry of unit.entries) subjects.add(entry.subject);
      entries += unit.entries.length;
      bytes += unit.bytes;
      taken++;
    }
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    return batch;
  }

  /** Settles every unit of the batch. */
  async #store(batch: readonly Unit[]): Promise<void> {
    const now = this.#clock.monotonic();
    const live = batch.filter((unit) => {
      if (unit.deadline > now) return true;
      unit.failed(new StoreFault("away", "not stored within the time limit", unit.pushedBack));
      return false;
    });
    if (live.length === 0) return;
    if (!this.#link.isUp() && !(await this.#reconnected(live))) return;
    if (isFew(live)) return void (await Promise.all(live.map((unit) => this.#store([unit]))));
    const id = nuid.next();
    const began = this.#clock.monotonic();
    const failure = await this.#publish(live, id);
    if (typeof failure === "number") {
      let first = failure;
      for (const unit of live) {
        unit.done(first);
        first += unit.entries.length;
      }
    } else if (failure === "doubt") {
      for (const unit of live) unit.doubts.push(id);
      this.#unanswered(began);
      await this.#clarify(live, began);
    } else if (live.length > 1) {
      const half = live.length >> 1;
      await this.#store(live.slice(0, half));
      await this.#store(live.slice(half));
    } else {
      await this.#single(live[0] as Unit, failure);
    }
  }

  /** Waits for the connection until the first deadline; fails what is past its own. */
  async #reconnected(units: readonly Unit[]): Promise<boolean> {
    const first = Math.min(...units.map((u) => u.deadline));
    const wait = Math.max(1, Math.min(first - this.#clock.monotonic(), 2 ** 31 - 1));
    try {
      await this.#link.up(AbortSignal.timeout(Math.ceil(wait)));
      return true;
    } catch {
      await this.#store(units); // those past the deadline fail, the others wait on
      return false;
    }
  }

  /** A failure that concerns one unit alone. */
  async #single(unit: Unit, failure: Conflict | StoreFault): Promise<void> {
    if (failure instanceof Conflict && unit.doubts.length > 0) {
      const first = await this.#storedAt(unit).catch(() => undefined);
      return first === undefined ? unit.failed(new Conflict(failure.message, true)) : unit.done(first);
    }
    if (failure instanceof StoreFault && failure.kind === "busy") {
      this.#unanswered(this.#clock.monotonic());
      unit.pushedBack = failure;
      await this.#clock.sleep(unit.pauseMs);
      unit.pauseMs = Math.min(2 * unit.pauseMs, LONGEST_PAUSE_MS);
      return this.#store([unit]);
    }
    unit.failed(failure);
  }

  /** An answer was lost: asks the leader which units are there, all at once, and publishes the others again. */
  async #clarify(units: readonly Unit[], began: number): Promise<void> {
    this.#log.warn({ stream: this.#stream }, "an answer of the store was lost; asking for the outcome");
    // A question asked of a connection that is gone would never be answered.
    if (!this.#link.isUp() && !(await this.#reconnected(units))) return;
    const answers = await Promise.allSettled(units.map((unit) => this.#storedAt(unit)));
    const missing: Unit[] = [];
    for (const [i, unit] of units.entries()) {
      const answer = answers[i];
      if (answer?.status === "fulfilled" && answer.value !== undefined) unit.done(answer.value);
      else missing.push(unit);
    }
    // The leader does not answer either: `#store` waits for the connection, or gives up at the deadline.
    if (answers.some(({ status }) => status === "rejected")) {
      this.#unanswered(began);
      await this.#clock.sleep(100);
    }
    await this.#store(missing);
  }

  /** Whoever leads the stream cannot be reached from the server that we are connected to; perhaps it can from another. */
  #unanswered(since: number): void {
    const now = this.#clock.monotonic();
    const before = this.#silence;
    this.#silence = { since: before && now - before.seen < APART_MS ? before.since : since, seen: now };
    if (now - this.#silence.since >= LEADERLESS_MS) this.#link.leave(`nobody answers for ${this.#stream}`);
  }

  /** The sequence of its first entry, when the leader has it under one of our batch ids. */
  async #storedAt(unit: Unit): Promise<number | undefined> {
    const first = unit.entries[0] as Entry;
    const last = await lastOnSubject(this.#link, this.#stream, first.subject, this.#answerMs);
    const id = last?.header(BATCH_ID) ?? last?.header(ALONE_ID);
    return id !== undefined && unit.doubts.includes(id) ? last?.sequence : undefined;
  }

  /** The sequence of the batch's first entry, or why it is not known to be stored. */
  async #publish(units: readonly Unit[], id: string): Promise<number | "doubt" | Conflict | StoreFault> {
    const entries = units.length === 1 ? (units[0] as Unit).entries : units.flatMap((u) => u.entries);
    const began = this.#clock.monotonic();
    try {
      const last = entries.length - 1;
      for (let i = 0; i < last; i++) this.#send(entries[i] as Entry, id, i + 1);
      const answer = await this.#commit(entries[last] as Entry, id, last + 1);
      if (answer === undefined) return "doubt";
      const failure = answer.error && faultOf(answer.error);
      if (!(failure instanceof StoreFault && isUnled(failure))) this.#silence = undefined;
      const octets = units.reduce((sum, unit) => sum + unit.bytes, 0);
      this.#observe(entries.length, this.#clock.monotonic() - began, octets);
      return failure ?? (answer.seq ?? 0) - last;
    } catch (error) {
      if (isNoResponders(error)) return new StoreFault("busy", "no stream is listening", error);
      if (isTooLarge(error))
        return new StoreFault("tooLarge", "entry larger than the server's max_payload", error);
      return "doubt";
    }
  }

  #send(entry: Entry, id: string, sequence: number): void {
    this.#nc.publish(entry.subject, entry.data, { headers: headOf(entry, id, sequence) });
  }

  /** The answer, or `undefined` when the connection went away first. */
  #commit(entry: Entry, id: string, sequence: number): Promise<Answer | undefined> {
    const head = headOf(entry, id, sequence, true);
    return new Promise((resolve, reject) => {
      const forget = this.#link.onceDown(() => resolve(undefined));
      this.#nc
        .request(entry.subject, entry.data, { headers: head, timeout: this.#answerMs })
        .then((answer) => resolve(answer.json<Answer>()), reject)
        .finally(forget);
    });
  }
}

const batchHead = (id: string, sequence: number, last: boolean): string =>
  `${BATCH_ID}: ${id}\r\nNats-Batch-Sequence: ${sequence}${last ? "\r\nNats-Batch-Commit: 1" : ""}`;

/**
 * The header section of an entry as it goes over the wire. The client asks no more of a header than its octets, so ours
 * is not made into a table only to be taken apart again. NATS ADR-4
 */
function headOf({ expect, on, ttl }: Entry, id: string, sequence: number, last = false): MsgHdrs {
  let text = `NATS/1.0\r\n${last && sequence === 1 ? `${ALONE_ID}: ${id}` : batchHead(id, sequence, last)}\r\n`;
  if (expect !== undefined) text += `Nats-Expected-Last-Subject-Sequence: ${expect}\r\n`;
  if (on !== undefined) text += `Nats-Expected-Last-Subject-Sequence-Subject: ${on}\r\n`;
  if (ttl !== undefined) text += `Nats-TTL: ${ttl}\r\n`;
  const encoded = { encode: () => Buffer.from(`${text}\r\n`) };
  return encoded as unknown as MsgHdrs;
}

const isUnled = ({ kind }: StoreFault) => kind === "busy" || kind === "away";
const isNoResponders = (error: unknown) =>
  /no ?responders/i.test(`${(error as Error)?.name} ${(error as Error)?.message}`);
const isTooLarge = (error: unknown) => /max_payload/.test(String((error as Error)?.message));
