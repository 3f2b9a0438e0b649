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
  type OnRecord,
  type Place,
  type Reading,
  type Remembered,
  Usurped,
  type Waiting,
} from "../webhooks/store.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { eventSubjects, parseEvents } from "./events.ts";
import { Conflict } from "./fault.ts";
import { EVENT_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";
import {
  gone,
  HOOK_STREAM,
  HookShelf,
  hookSubjects,
  parseHookSubject,
  parseRecord,
  put,
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
  readonly #commit: GroupCommit;
  readonly #shelf = new HookShelf();
  /** Of each hook's place: what the next write must find. */
  readonly #revisions = new Map<string, number>();
  readonly #id = nuid.next();
  #tail: Tail | undefined;
  #isOpen = false;

  constructor(options: BookOptions) {
    const { link, clock, log } = options;
    this.#o = options;
    this.#commit = new GroupCommit(link, { stream: HOOK_STREAM, clock, log });
  }

  async open(): Promise<this> {
    const { link, namespace, log } = this.#o;
    const filters = [hookSubjects(namespace)];
    const onMessage = (message: TailMessage) => this.#hear(message);
    this.#tail = new Tail(link, { stream: HOOK_STREAM, filters, onMessage, log });
    await this.#tail.start();
    await this.#tail.caughtUp;
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
    const expect = this.#revisions.get(hook) ?? 0;
    const signed: Place & { readonly by: string } = { ...place, by: this.#id };
    const entry = { ...put(this.#named(hook), "place", signed), expect };
    try {
      this.#revisions.set(hook, await this.#commit.commit([entry], patienceMs));
    } catch (error) {
      if (error instanceof Conflict) throw new Usurped(`somebody else looks after ${hook}`);
      throw error;
    }
  }

  async setCondition(hook: string, condition: Condition): Promise<void> {
    await this.#commit.commit([put(this.#named(hook), "condition", condition)], patienceMs);
  }

  async putWaiting(hook: string, waiting: Waiting): Promise<void> {
    const named = this.#named(hook);
    await this.#commit.commit([put(named, "waiting", waiting, waiting.event.id)], patienceMs);
  }

  async removeWaiting(hook: string, id: string): Promise<void> {
    await this.#commit.commit([gone(this.#named(hook), "waiting", id)], patienceMs);
  }

  async bury(hook: string, dead: Dead, tooMany: readonly string[]): Promise<void> {
    const named = this.#named(hook);
    const { id } = dead.event;
    const others = tooMany.slice(0, 900).map((each) => gone(named, "dead", each));
    await this.#commit.commit(
      [put(named, "dead", dead, id), gone(named, "waiting", id), ...others],
      patienceMs,
    );
  }

  /** Of a hook that is no more: where it was and what waited. The dead stay until their time is over. */
  async forget(hook: string): Promise<void> {
    const named = this.#named(hook);
    const waiting = [...(this.#shelf.remembered().get(hook)?.waiting.keys() ?? [])];
    const entries = [
      gone(named, "place"),
      gone(named, "condition"),
      ...waiting.map((id) => gone(named, "waiting", id)),
    ];
    // The first entry is the place: whoever declares the hook again writes behind it.
    this.#revisions.set(hook, await this.#commit.commit(entries.slice(0, 900), patienceMs));
  }

  #hear(message: TailMessage): void {
    const { hook, what, id } = parseHookSubject(message.subject);
    if (what === "again" && this.#isOpen) void this.#again(hook, id, message);
    if (what === "place" && this.#mayBuildOn(message))
      this.#revisions.set(hook, Math.max(message.sequence, this.#revisions.get(hook) ?? 0));
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

  async #takeUp(hook: string, waiting: Waiting): Promise<void> {
    const named = this.#named(hook);
    const { id } = waiting.event;
    await this.#commit.commit([put(named, "waiting", waiting, id), gone(named, "again", id)], patienceMs);
  }

  #named = (hook: string) => ({ namespace: this.#o.namespace, hook });

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail?.[Symbol.asyncDispose]();
    await this.#commit.settled();
  }
}

/** The event stream as hooks read it. What somebody had the server write in his place is passed over. */
export const eventSource = (link: Link, log: Log): EventSource => ({
  read(namespace: string, from: Place, onRecord: OnRecord): Reading {
    const filters = [eventSubjects(namespace)];
    const onMessage = ({ sequence, data, forged }: TailMessage) =>
      onRecord(sequence, forged ? [] : parseEvents(data));
    const where = "after" in from ? { after: Math.max(1, from.after) } : { since: Math.max(1, from.since) };
    const tail = new Tail(link, { stream: EVENT_STREAM, filters, onMessage, log, ...where });
    void tail.begin(); // it never rejects, and ends when it is closed
    return tail;
  },
});
