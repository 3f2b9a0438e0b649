/**
 * Message events on stream `EVENTS`, under `events.<namespace>.<kind>`: a record holds events of one namespace and one kind,
 * one JSON a line, the oldest first. docs/events.md is the contract with those who read it.
 *
 * `tell`: the road of a message must not pay a write per event, so what happens within a quarter of a second is written
 * behind it and not waited for. What a crash can cost is that quarter of a second: jobs that are still queued carry their
 * own history, and a marker says what is done.
 * `keep`: resolves when the events are stored, where somebody relies on each of them (`wanted`). Who waits shares a write
 * with all who wait.
 * Fails:  `tell` never; it holds a few megabytes while the store is away, and what the store does not take in time is
 *         counted and dropped. `keep` rejects with a `StoreFault` while the store is away; a store that is full takes
 *         nothing from anybody, so then it drops as `tell` does. Of what it refuses, the events are found that it will never
 *         take; these are left out, and the log says so: whoever waits with them is not to wait for ever.
 *
 * Reading starts at the time that a message's id carries, and ends when the log does.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { TraceEvent } from "../queue/events.ts";
import { idTime } from "../queue/ids.ts";
import type { MessageId } from "../queue/job.ts";
import { type Concerned, type MessageEvent, messageEvents, traceOf } from "../queue/message-event.ts";
import { type Entry, GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { linesOf, Pages } from "./event-pages.ts";
import { isDroppedBatch, StoreFault } from "./fault.ts";
import { EVENT_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

const FLUSH_MS = 250;
/** So much leaves at once: a busy daemon has less in that time, and each write has its price. */
const FULL = 1 << 20;
/** What is held while the store is away. */
const HELD = 4 << 20;
/** Records that one commit takes. */
const BATCH = 500;
/** Writes that may be on their way; beyond it events are dropped and counted, never queued without bound. */
const IN_FLIGHT = 64;
const TIMEOUT_MS = 10_000;
const CLOCKS_APART_MS = 60_000;
const TELL_MS = 10_000;
/** Times are told to the server as RFC 3339 has them, with four digits for the year; an id that was made up may go beyond. */
const LATEST = Date.UTC(9999, 11, 31);

/** Whether it may be the fault of one of these entries. */
const isHopeless = (error: unknown): boolean =>
  error instanceof StoreFault &&
  (error.kind === "refused" || error.kind === "tooLarge" || isDroppedBatch(error.cause));

export interface EventLogOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether somebody relies on every event of this namespace. */
  readonly wanted?: (namespace: string) => boolean;
  /** The longest that a write may take, ms. */
  readonly timeoutMs?: number;
}

export class EventLog implements AsyncDisposable {
  readonly #o: EventLogOptions;
  readonly #commit: GroupCommit;
  /**
   * What somebody waits for is apart from what is written behind: it is neither taken along by a write that nobody waits
   * for, nor does its failure cost others their events.
   */
  readonly #sure = new Pages();
  readonly #behind = new Pages();
  #timer: NodeJS.Timeout | undefined;
  readonly #flights = new Set<Promise<void>>();
  /** The write that takes what is waited for, once the one on its way is over. */
  #next: Promise<void> | undefined;
  #kept: Promise<void> = Promise.resolve();
  #dropped = 0;
  #leftOut = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: EventLogOptions) {
    const { link, clock, log } = options;
    this.#o = options;
    this.#commit = new GroupCommit(link, { stream: EVENT_STREAM, clock, log, maxEntries: BATCH });
  }

  tell(event: TraceEvent, about: Concerned): void {
    this.#add(this.#behind, messageEvents(event, about));
    if (this.#behind.size >= FULL && this.#o.link.isUp()) this.#flushBehind();
    else this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#behind.size > 0) this.#timer ??= setTimeout(() => this.#flushBehind(), FLUSH_MS);
  }

  /** `undefined`: nobody relies on them, and they are not told yet. */
  keep(events: readonly TraceEvent[], about: Concerned): Promise<void> | undefined {
    const namespace = about.policy.slice(0, about.policy.indexOf("/"));
    if (!this.#o.wanted?.(namespace)) return undefined;
    for (const event of events) this.#add(this.#sure, messageEvents(event, about));
    this.#next ??= this.#flushAfter(this.#kept);
    return this.#next;
  }

  /** As `keep`, or as `tell` where nobody relies on it or the store is away. Never rejects. */
  tellSurely(event: TraceEvent, about: Concerned): Promise<void> | undefined {
    const kept = this.keep([event], about);
    if (kept === undefined) this.tell(event, about);
    return kept?.catch(() => this.tell(event, about));
  }

  #add(pages: Pages, events: readonly MessageEvent[]): void {
    const { confined } = this.#o.link;
    // One that we may not write would take its whole batch along.
    for (const event of events)
      if (confined === undefined || event.data.namespace === confined) pages.add(event);
  }

  #takeBehind(): readonly Entry[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#behind.take();
  }

  #flushAfter(before: Promise<void>): Promise<void> {
    const flight = before
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#write(this.#sure.take());
      });
    this.#kept = flight;
    void flight.catch(() => {});
    return flight;
  }

  #flushBehind(): void {
    this.#timer = undefined;
    const isUp = this.#o.link.isUp();
    if (!isUp && this.#behind.size < HELD) return this.#flushSoon();
    const entries = this.#takeBehind();
    if (entries.length === 0) return;
    if (this.#flights.size >= IN_FLIGHT || !isUp) return this.#drop(...entries);
    const flight = this.#writeBehind(entries);
    this.#flights.add(flight);
    void flight.finally(() => this.#flights.delete(flight));
  }

  async #writeBehind(entries: readonly Entry[]): Promise<void> {
    const writes = await Promise.allSettled(entries.map((entry) => this.#store(entry)));
    const lost = entries.filter((_, i) => writes[i]?.status === "rejected");
    if (lost.length > 0) this.#drop(...lost);
    else this.#confess();
  }

  /** Rejects with what kept one of them away; all others are stored then, or counted. */
  async #write(entries: readonly Entry[]): Promise<void> {
    const writes = await Promise.allSettled(entries.map((entry) => this.#store(entry)));
    for (const write of writes) if (write.status === "rejected") throw write.reason;
  }

  async #store(entry: Entry): Promise<void> {
    try {
      await this.#commit.commit([entry], this.#o.timeoutMs ?? TIMEOUT_MS);
    } catch (error) {
      if (error instanceof StoreFault && error.kind === "full") this.#drop(entry);
      else if (isHopeless(error)) await this.#storeLines(entry, error);
      else throw error;
    }
  }

  /** One of its events at least cannot be stored, now or later. */
  async #storeLines(entry: Entry, why: unknown): Promise<void> {
    const lines = linesOf(entry);
    if (lines.length > 1) await this.#write(lines);
    else this.#leaveOut(entry, why);
  }

  /** A store that refuses everything is told of now and then. */
  #leaveOut({ subject, data }: Entry, why: unknown): void {
    this.#leftOut++;
    const now = this.#o.clock.monotonic();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    const fields = { err: why, subject, octets: data.length, events: this.#leftOut };
    this.#o.log.error(fields, "a message event that the store will never take was left out");
    this.#leftOut = 0;
  }

  #drop(...entries: readonly Entry[]): void {
    for (const { data } of entries) this.#dropped += data.filter((octet) => octet === 10).length + 1;
  }

  #confess(): void {
    if (this.#dropped === 0) return;
    this.#o.log.warn(
      { events: this.#dropped },
      "message events were dropped while the store was slow, full or away",
    );
    this.#dropped = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept.catch(() => {}); // what fails of it may be told behind
    this.#flushBehind();
    this.#drop(...this.#takeBehind());
    await Promise.all(this.#flights);
    await this.#commit.settled();
    this.#confess();
  }
}

/** What happened to one message, oldest first: what its reader may see of it. */
export async function readEvents(link: Link, message: MessageId, log: Log): Promise<TraceEvent[]> {
  const found: Lines = { events: [], before: [] };
  const onPage = (page: Buffer) => {
    if (page.includes(message)) read(page, found, message);
  };
  const since = Math.min(idTime(message), LATEST) - CLOCKS_APART_MS;
  await using tail = tailOf(link, since, onPage, log);
  await tail.start();
  await tail.caughtUp;
  // What was told again is the same event.
  const once = [...new Map(found.events.map((event) => [event.id, event])).values()];
  return [...found.before, ...traceOf(once)].sort((a, b) => a.at - b.at);
}

export interface FollowOptions {
  /** ms since the epoch */
  readonly since: number;
  readonly onEvent: (event: TraceEvent) => void;
  readonly log: Log;
}

/** Every event since then, those that its reader may see; resolves when what was there has been told. */
export async function followEvents(
  link: Link,
  { since, onEvent, log }: FollowOptions,
): Promise<AsyncDisposable> {
  const onPage = (page: Buffer) => {
    const found: Lines = { events: [], before: [] };
    read(page, found);
    for (const event of [...found.before, ...traceOf(found.events)]) onEvent(event);
  };
  const tail = await tailOf(link, since, onPage, log).start();
  await tail.caughtUp;
  return tail;
}

function tailOf(link: Link, since: number, onPage: (page: Buffer) => void, log: Log): Tail {
  const onMessage = ({ data, forged }: TailMessage) => {
    if (!forged) onPage(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  };
  const filter = eventSubjects(link.confined);
  // Who follows goes on with a stream that was brought back from a copy.
  const back = { onAnother: () => {}, goesBack: true };
  return new Tail(link, { stream: EVENT_STREAM, filters: [filter], since, onMessage, log, ...back });
}

/** Of one namespace, or of all. */
export const eventSubjects = (namespace: string | undefined): string => `events.${namespace ?? "*"}.*`;

/** What a record holds, in the form in which the world reads it; what is no event of this version is passed over. */
export function parseEvents(page: Uint8Array): readonly MessageEvent[] {
  const found: Lines = { events: [], before: [] };
  read(page, found);
  return found.events;
}

interface Lines {
  readonly events: MessageEvent[];
  /** From before there was a contract. */
  readonly before: TraceEvent[];
}

function read(page: Uint8Array, { events, before }: Lines, containing = ""): void {
  for (const line of Buffer.from(page).toString("utf8").split("\n")) {
    const event = line.includes(containing) ? parseLine(line) : undefined;
    if (event === undefined) continue;
    if ("version" in event) events.push(event);
    else before.push(event);
  }
}

function parseLine(line: string): MessageEvent | TraceEvent | undefined {
  try {
    const event = JSON.parse(line) as MessageEvent | TraceEvent | null;
    if (event === null || typeof event !== "object") return undefined;
    if (!("version" in event)) return typeof event.at === "number" ? event : undefined;
    return event.version === 1 && typeof event.id === "string" && typeof event.data === "object"
      ? event
      : undefined;
  } catch {
    return undefined;
  }
}
