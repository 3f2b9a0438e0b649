/**
 * Group commit: many small units, one fsync.
 *
 * JetStream fsyncs a few times for an atomic batch however many messages it holds, and makes and removes a small store for
 * it (three folders, a dozen files), so at any time one batch is in flight per stream, and the next one takes whatever has
 * queued up meanwhile. That includes what is still to be read from sockets when the answer comes: it has waited as long.
 * An entry that is alone needs no batch: a plain message is as atomic, and costs one fsync. Nor do a few units of one entry.
 *
 * Units that somebody waits for go before those that can wait, while they are few: a batch that makes them wait would be
 * longer than they are. What can wait goes along as soon as a batch is needed anyway, or when it has waited for long enough.
 *
 * In:     units, each a few entries that are stored together or not at all.
 * Out:    a promise per unit that resolves when the unit is durable, with the stream sequence of its first entry; the
 *         others follow without a gap.
 * Fails:  `Conflict` when a compare-and-set of the unit failed: nothing of it is stored. `StoreFault` otherwise.
 *         A batch that fails because of one unit is split until the others are through. An answer that did not arrive is
 *         not taken for a failure: the leader is asked whether the unit's first entry carries our batch id. Only when
 *         the time is over the unit is given up as `away`, and then nothing is known about it. Its `cause` is what the server
 *         said when it pushed back to the end: so it does, too, when one entry among several can never be stored.
 */
import { setImmediate as turn } from "node:timers/promises";
import { nuid } from "@nats-io/transport-node";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { BATCH_LIMIT, batchIdOf, type Entry, type Published, publishBatch } from "./batch.ts";
import { CommitLine, isFew, type Standing } from "./commit-line.ts";
import type { Link } from "./connect.ts";
import { LEADERLESS_MS } from "./elsewhere.ts";
import { Conflict, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";

export type { Entry } from "./batch.ts";

export interface CommitOptions {
  readonly stream: string;
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  /** A unit that is not durable after this is given up, ms. */
  readonly timeoutMs?: number;
  /** What can wait does so for this long at most while nothing takes it along, ms. */
  readonly patienceMs?: number;
  /** After this an answer counts as lost and is looked up, ms. */
  readonly answerMs?: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Told after every batch that the stream has answered: its entries and how long it took, ms. */
  readonly observe?: (entries: number, ms: number, octets: number) => void;
}

interface Unit extends Standing {
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

/** Another's write to the same subject is stored in less; a server that pushes back needs longer. */
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;
/** Two silences with so much between them are two, ms. */
const APART_MS = 15_000;

const PATIENCE_MS = 15;

export class GroupCommit {
  readonly #link: Link;
  readonly #stream: string;
  readonly #timeoutMs: number;
  readonly #answerMs: number;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #observe: (entries: number, ms: number, octets: number) => void;
  readonly #line: CommitLine<Unit>;
  #running = false;
  #idle: (() => void)[] = [];
  /** Since when nobody answers for the stream, and when that was noticed last; monotonic ms. */
  #silence: { readonly since: number; readonly seen: number } | undefined;

  constructor(link: Link, options: CommitOptions) {
    this.#link = link;
    this.#stream = options.stream;
    this.#timeoutMs = options.timeoutMs ?? 20_000;
    this.#answerMs = options.answerMs ?? 5_000;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#observe = options.observe ?? (() => {});
    this.#line = new CommitLine({
      maxEntries: Math.min(options.maxEntries ?? 512, BATCH_LIMIT),
      maxBytes: options.maxBytes ?? 4 << 20,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      clock: options.clock,
    });
  }

  /** Units that wait or are in flight. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Resolves when the unit is durable. Units of one caller are stored in the order of their calls unless one fails. */
  commit(entries: readonly Entry[], timeoutMs = this.#timeoutMs): Promise<number> {
    return this.#add(entries, timeoutMs, false);
  }

  /** Like `commit`, for what nobody waits for: it is stored with what comes next, or after `patienceMs`. Others may overtake it. */
  commitSoon(entries: readonly Entry[]): Promise<number> {
    return this.#add(entries, this.#timeoutMs, true);
  }

  #add(entries: readonly Entry[], timeoutMs: number, canWait: boolean): Promise<number> {
    if (entries.length === 0 || entries.length > BATCH_LIMIT)
      throw new RangeError(`a unit has 1 to ${BATCH_LIMIT} entries, not ${entries.length}`);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let bytes = 0;
    for (const entry of entries) bytes += entry.data.length;
    const since = this.#clock.monotonic();
    this.#line.add({
      entries,
      bytes,
      since,
      canWait,
      deadline: since + timeoutMs,
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
    while (this.#line.size > 0) {
      await this.#line.ready();
      const batch = this.#line.take();
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
    const published = await this.#publish(live, id);
    if (published.kind === "stored") return tellStored(live, published.first);
    if (published.kind === "doubt") {
      for (const unit of live) unit.doubts.push(id);
      this.#unanswered(began);
      return this.#clarify(live, began);
    }
    if (live.length === 1) return this.#single(live[0] as Unit, published.failure);
    const half = live.length >> 1;
    await this.#store(live.slice(0, half));
    await this.#store(live.slice(half));
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
    const id = last && batchIdOf(last);
    return id !== undefined && unit.doubts.includes(id) ? last?.sequence : undefined;
  }

  async #publish(units: readonly Unit[], id: string): Promise<Published> {
    const entries = units.length === 1 ? (units[0] as Unit).entries : units.flatMap((u) => u.entries);
    const began = this.#clock.monotonic();
    const published = await publishBatch(this.#link, entries, id, this.#answerMs);
    if (published.kind === "doubt") return published;
    if (published.kind === "failed" && isUnled(published.failure)) return published;
    this.#silence = undefined;
    const octets = units.reduce((sum, unit) => sum + unit.bytes, 0);
    this.#observe(entries.length, this.#clock.monotonic() - began, octets);
    return published;
  }
}

/** Their entries lie one behind the other. */
function tellStored(units: readonly Unit[], first: number): void {
  let next = first;
  for (const unit of units) {
    unit.done(next);
    next += unit.entries.length;
  }
}

/** Whoever leads the stream has not spoken. */
const isUnled = (failure: Conflict | StoreFault): boolean =>
  failure instanceof StoreFault && (failure.kind === "busy" || failure.kind === "away");
