/**
 * Webhooks on JetStream: the book of a namespace's hooks, and the stream of events as they read it.
 *
 * In:     a link; the namespace, whose lease its opener holds.
 * Out:    `openBook`: everything that is remembered, then orders to send again as they come. Places are written by
 *         compare-and-set: who finds another's learns that it is no longer the one.
 * Fails:  `StoreFault`; `Usurped`.
 */
import { nuid } from "@nats-io/transport-node";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import {
  type Condition,
  type Dead,
  type EventSource,
  type HookBook,
  type Listener,
  type Place,
  type Reading,
  type Remembered,
  Usurped,
  type Waiting,
} from "../webhooks/store.ts";
import { type Entry, GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { eventSubjects, parseEvents } from "./events.ts";
import { Conflict, StoreFault } from "./fault.ts";
import { moveLetters } from "./hook-move.ts";
import { followHooks, HookShelf } from "./hook-shelf.ts";
import { Share } from "./share.ts";
import { EVENT_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";
import {
  DEAD_STREAM,
  gone,
  goneAt,
  HOOK_STREAM,
  type HookStream,
  hookSubject,
  isLetter,
  parseHookSubject,
  parseRecord,
  put,
  WAIT_STREAM,
} from "./webhook-records.ts";

export interface BookOptions {
  readonly link: Link;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Somebody wants it sent again; it is among those that wait by then. */
  readonly onAgain: (hook: string, waiting: Waiting) => void;
}

const patienceMs = 10_000;
/** What a namespace may take of the room for letters: an eighth of each stream, where these have their usual size. */
const shareOctets = 4 << 20;
/** Entries of one write beside the one that it is about. */
const besides = 900;

export async function openBook(options: BookOptions): Promise<JetStreamHookBook> {
  const book = new JetStreamHookBook(options);
  try {
    return await book.open();
  } catch (error) {
    await book[Symbol.asyncDispose]();
    throw error;
  }
}

export class JetStreamHookBook implements HookBook, AsyncDisposable {
  readonly #o: BookOptions;
  readonly #commits: Readonly<Record<HookStream, GroupCommit>>;
  readonly #shelf = new HookShelf();
  readonly #shares = { [WAIT_STREAM]: new Share(shareOctets), [DEAD_STREAM]: new Share(shareOctets) };
  /** Of each hook's place: what the next write must find. */
  readonly #revisions = new Map<string, number>();
  /** Hooks whose place was taken away: in the end not even that is remembered of them. */
  readonly #forgotten = new Set<string>();
  readonly #id = nuid.next();
  #following: AsyncDisposable | undefined;
  #isOpen = false;

  constructor(options: BookOptions) {
    const { link, clock, log } = options;
    this.#o = options;
    const open = (stream: HookStream) => new GroupCommit(link, { stream, clock, log });
    this.#commits = { HOOKS: open(HOOK_STREAM), HOOKWAIT: open(WAIT_STREAM), HOOKDEAD: open(DEAD_STREAM) };
  }

  async open(): Promise<this> {
    const { link, namespace, clock, log } = this.#o;
    await moveLetters(link, namespace, { clock, log });
    this.#following = await followHooks(link, namespace, (message) => this.#hear(message), log);
    this.#isOpen = true;
    for (const [{ hook }, { events }] of this.#shelf.all())
      for (const waiting of events.again.values()) await this.#takeUp(hook, waiting);
    return this;
  }

  /** As it was when the book was opened. */
  get remembered(): ReadonlyMap<string, Remembered> {
    return this.#shelf.remembered();
  }

  async setPlace(hook: string, place: Place): Promise<void> {
    const signed: Place & { readonly by: string } = { ...place, by: this.#id };
    const entry = put(this.#named(hook), "place", signed);
    const write = async () =>
      this.#commits.HOOKS.commit([{ ...entry, expect: this.#revisions.get(hook) ?? 0 }], patienceMs);
    try {
      this.#revisions.set(hook, await write().catch((error) => this.#writeAnew(hook, error, write)));
      this.#forgotten.delete(hook);
    } catch (error) {
      if (error instanceof Conflict) throw new Usurped(`somebody else looks after ${hook}`);
      throw error;
    }
  }

  /** That a hook was forgotten is forgotten, too: its subject is as if it had never been. */
  #writeAnew(hook: string, error: unknown, write: () => Promise<number>): Promise<number> {
    if (!(error instanceof Conflict) || !this.#forgotten.has(hook)) throw error;
    this.#revisions.delete(hook);
    return write();
  }

  async setCondition(hook: string, condition: Condition): Promise<void> {
    await this.#commits.HOOKS.commit([put(this.#named(hook), "condition", condition)], patienceMs);
  }

  async putWaiting(hook: string, waiting: Waiting): Promise<boolean> {
    const entry = put(this.#named(hook), "waiting", waiting, waiting.event.id);
    if (!this.#shares.HOOKWAIT.fits(entry.subject, entry.data.length)) return false;
    return this.#ifThereIsRoom([entry]);
  }

  async removeWaiting(hook: string, id: string): Promise<void> {
    const entries = (["waiting", "again"] as const)
      .map((what) => hookSubject(this.#o.namespace, hook, what, id))
      .filter((subject) => this.#shares.HOOKWAIT.has(subject))
      .map(goneAt);
    if (entries.length > 0) await this.#write(WAIT_STREAM, entries);
  }

  async bury(hook: string, dead: Dead, tooMany: readonly string[]): Promise<number> {
    const named = this.#named(hook);
    const { id } = dead.event;
    const entry = put(named, "dead", dead, id);
    const share = this.#shares.HOOKDEAD;
    const ofHook = tooMany
      .map((each) => gone(named, "dead", each))
      .filter(({ subject }) => share.has(subject));
    const others = new Set(share.tooMany(entry.subject, entry.data.length));
    for (const { subject } of ofHook) others.delete(subject);
    const goners = [...ofHook, ...[...others].map(goneAt)].slice(0, besides);
    // It lies in both for a moment: who comes then tries it once more.
    await this.#write(DEAD_STREAM, [entry, ...goners]);
    await this.removeWaiting(hook, id);
    return goners.length;
  }

  /** Of a hook that is no more: where it was and what waited. The dead stay until their time is over. */
  async forget(hook: string): Promise<void> {
    const named = this.#named(hook);
    const entries = [gone(named, "place"), gone(named, "condition")];
    // The first entry is the place: whoever declares the hook again writes behind it.
    this.#revisions.set(hook, await this.#commits.HOOKS.commit(entries, patienceMs));
    this.#forgotten.add(hook);
    const waiting = ["waiting", "again"].flatMap((what) =>
      this.#shares.HOOKWAIT.under(hookSubject(this.#o.namespace, hook, what as "waiting", "")),
    );
    for (let at = 0; at < waiting.length; at += besides)
      await this.#write(WAIT_STREAM, waiting.slice(at, at + besides).map(goneAt));
  }

  #hear(message: TailMessage): void {
    const { subject, sequence, data, forged } = message;
    const { hook, what, id, isFormer } = parseHookSubject(subject);
    if (isFormer) return; // whoever opens the book next moves it
    if (isLetter(what) && !forged) this.#note(subject, data.length, sequence);
    if (what === "again" && this.#isOpen) void this.#again(hook, id, message);
    if (what === "place" && this.#mayBuildOn(message)) {
      this.#revisions.set(hook, Math.max(sequence, this.#revisions.get(hook) ?? 0));
      if (data.length === 0) this.#forgotten.add(hook);
    }
    this.#shelf.hear(message);
  }

  /** What somebody else writes once we look after the hooks is not what we go on from: our next write must fail. */
  #mayBuildOn({ data }: TailMessage): boolean {
    return !this.#isOpen || parseRecord<{ readonly by?: string }>(data)?.by === this.#id;
  }

  async #again(hook: string, id: string, { data, forged }: TailMessage): Promise<void> {
    const waiting = forged || data.length === 0 ? undefined : parseRecord<Waiting>(data);
    if (waiting?.event?.id !== id) return;
    const { log, onAgain } = this.#o;
    try {
      await this.#takeUp(hook, waiting);
      onAgain(hook, waiting);
    } catch (error) {
      // It stays an order; whoever opens the book next finds it.
      log.warn({ err: error, hook }, "an order to send an event again could not be taken up yet");
    }
  }

  /** Without room it stays an order until it is carried out. */
  async #takeUp(hook: string, waiting: Waiting): Promise<void> {
    const named = this.#named(hook);
    const { id } = waiting.event;
    await this.#ifThereIsRoom([put(named, "waiting", waiting, id), gone(named, "again", id)]);
  }

  /** Whether it is written now. */
  async #ifThereIsRoom(entries: readonly Entry[]): Promise<boolean> {
    try {
      await this.#write(WAIT_STREAM, entries);
      return true;
    } catch (error) {
      if (error instanceof StoreFault && error.kind === "full") return false;
      throw error;
    }
  }

  async #write(stream: typeof WAIT_STREAM | typeof DEAD_STREAM, entries: readonly Entry[]): Promise<void> {
    const first = await this.#commits[stream].commit(entries, patienceMs);
    for (const [i, { subject, data }] of entries.entries()) this.#note(subject, data.length, first + i);
  }

  #note(subject: string, length: number, sequence: number): void {
    const share = parseHookSubject(subject).what === "dead" ? this.#shares.HOOKDEAD : this.#shares.HOOKWAIT;
    share.note(subject, length, sequence);
  }

  #named = (hook: string) => ({ namespace: this.#o.namespace, hook });

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following?.[Symbol.asyncDispose]();
    await Promise.all(Object.values(this.#commits).map((commit) => commit.settled()));
  }
}

/** The event stream as hooks read it. What somebody had the server write in his place is passed over. */
export const eventSource = (link: Link, log: Log, clock: Clock): EventSource => ({
  read(namespace: string, from: Place, { onRecord, onAnother }: Listener): Reading {
    const filters = [eventSubjects(namespace)];
    const onMessage = ({ sequence, data, forged, time }: TailMessage) =>
      onRecord(sequence, forged ? [] : parseEvents(data), time);
    const where = whereOf(from, clock.now());
    const options = { stream: EVENT_STREAM, filters, onMessage, onAnother, goesBack: true, log, ...where };
    const tail = new Tail(link, options);
    void tail.begin(); // it never rejects, and ends when it is closed
    return tail;
  },
});

/** Of a place that tells no time it is known at least that nothing of now was heard. */
function whereOf(from: Place, now: number) {
  if ("since" in from) return { since: Math.max(1, from.since) };
  return from.after > 0 ? { after: from.after, heardAt: from.at ?? now } : { since: 1 };
}
