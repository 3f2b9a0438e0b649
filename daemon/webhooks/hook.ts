/**
 * One webhook: tells its receiver of events, one request an event, each until it is taken or given up.
 *
 * In:     an intake of events, and what was remembered of the hook.
 * Out:    an event is done with when the receiver answered 2xx, or when it lies in the book: waiting for another attempt, or
 *         dead. Events that fail do not hold up the others until `WAITING` of them wait; then no new ones are begun.
 * Room:   what waits and finds no room in the book waits here alone; then the hook's place stays before it.
 * Pace:   several at once while the receiver does well, one while it fails; after some failures in a row it is left alone for
 *         a while (`pace.ts`), also as long as it asks for (Retry-After).
 * Ends:   410 ends it until its specification changes: what it was still to be told is put with the dead.
 * Fails:  never on the store: what is to be remembered is written again until it is, and the hook waits with it. `Usurped`
 *         is told to `onUsurped`.
 */
import type { HookEntry } from "../directory/hooks.ts";
import type { Chance, Clock } from "../kit/clock.ts";
import type { Turns } from "../kit/fair-slots.ts";
import type { Log } from "../kit/log.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import { type Answer, type Post, type Verdict, verdictOf } from "./answer.ts";
import type { Intake, Item } from "./intake.ts";
import { Leftovers } from "./leftovers.ts";
import { waitAfter } from "./pace.ts";
import { Receiver } from "./receiver.ts";
import { signed } from "./signature.ts";
import { type Condition, type Dead, type HookBook, type Remembered, Usurped, type Waiting } from "./store.ts";

export type HookResult = "taken" | "failed" | "gone" | "buried" | "lost";

export interface HookMeans {
  readonly book: HookBook;
  readonly post: Post;
  /** Requests at once: its namespace's part of those of all hooks. */
  readonly calls: Turns;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly counted: (result: HookResult, ms: number) => void;
  readonly onUsurped: () => void;
}

/** With so many waiting, no new ones are begun. */
const WAITING = 100;
const longestTimerMs = 3_600_000;

/** What an attempt is about: an event that comes from the stream, or one that waited. */
type Task =
  | { readonly kind: "fresh"; readonly item: Item; readonly event: MessageEvent }
  | { readonly kind: "waiting"; readonly waiting: Waiting; readonly event: MessageEvent };

export class Hook implements AsyncDisposable {
  readonly #m: HookMeans;
  readonly #name: string;
  #entry: HookEntry;
  readonly #intake: Intake;
  readonly #leftovers: Leftovers;
  readonly #receiver: Receiver;
  /** Of those that wait, the ones that the book had no room for. */
  readonly #unwritten = new Map<string, Item>();
  readonly #busy = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #draining = false;

  constructor(entry: HookEntry, intake: Intake, remembered: Remembered | undefined, means: HookMeans) {
    this.#m = means;
    this.#entry = entry;
    this.#intake = intake;
    const { book, clock, chance, log } = means;
    const name = `${entry.namespace}/${entry.id}`;
    const { signal } = this.#stop;
    this.#name = name;
    this.#leftovers = new Leftovers(remembered, { book, clock, log, id: entry.id, name, signal });
    const say = (condition: Condition) => this.#say(condition);
    this.#receiver = new Receiver(remembered?.condition, { clock, chance, log, name, say });
    this.#receiver.signs(entry.keys.length > 0);
  }

  get condition(): Condition["is"] {
    return this.#receiver.condition.is;
  }

  /** What it was when its receiver said 410. */
  get goneAs(): string | undefined {
    const { condition } = this.#receiver;
    return condition.is === "gone" ? condition.as : undefined;
  }

  /** Ids, the oldest first. */
  get dead(): readonly string[] {
    return this.#leftovers.dead;
  }

  get waiting(): number {
    return this.#leftovers.waiting.size;
  }

  /** ms since the epoch: the oldest event that is neither taken nor dead. */
  get oldest(): number | undefined {
    let oldest = this.#intake.oldest;
    for (const { event } of this.#leftovers.waiting.values())
      oldest = Math.min(oldest ?? Number.POSITIVE_INFINITY, Date.parse(event.timestamp));
    return oldest;
  }

  /** The same hook with other keys, kinds or patience. */
  update(entry: HookEntry): void {
    this.#entry = entry;
    this.#receiver.signs(entry.keys.length > 0);
    this.pump();
  }

  /** It was ended by its receiver, and is another now. */
  revive(): void {
    this.#receiver.revive();
    this.#receiver.signs(this.#entry.keys.length > 0);
  }

  /** Somebody wants it sent now, also while its receiver is left alone: it may have been mended. */
  recall(waiting: Waiting): void {
    this.#leftovers.recall(waiting);
    this.#receiver.tryNow();
    this.pump();
  }

  /** Begins what may be begun. */
  pump(): void {
    this.#wake.abort();
    if (this.#draining || this.#receiver.isGone || this.#entry.keys.length === 0) return;
    const { pauseMs } = this.#receiver;
    if (pauseMs > 0) return this.#wakeIn(pauseMs);
    const now = this.#m.clock.now();
    while (this.#busy.size < this.#receiver.bears) {
      const task = this.#due(now) ?? this.#fresh();
      if (task === undefined) break;
      this.#begin(task);
    }
    this.#wakeIn(Math.min(...this.#idle().map(({ next }) => next)) - now);
  }

  #wakeIn(wait: number): void {
    if (wait === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#m;
    const ms = Math.min(Math.max(wait, 0), longestTimerMs);
    // What is due and waits for its turn is begun when one that is under way has ended.
    if (ms === 0 && this.#busy.size > 0) return;
    this.#wake = new AbortController();
    clock.sleep(ms, this.#wake.signal).then(
      () => this.pump(),
      () => {}, // there is another plan
    );
  }

  #idle(): Waiting[] {
    return [...this.#leftovers.waiting.values()].filter(({ event }) => !this.#busy.has(event.id));
  }

  #due(now: number): Task | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#idle())
      if (waiting.next <= now && waiting.next < (first?.next ?? Number.POSITIVE_INFINITY)) first = waiting;
    return first && { kind: "waiting", waiting: first, event: first.event };
  }

  #fresh(): Task | undefined {
    for (;;) {
      const item = this.#leftovers.waiting.size < WAITING ? this.#intake.take() : undefined;
      if (item === undefined) return undefined;
      // It was told twice, or it failed before its place was written.
      const known = this.#busy.has(item.event.id) || this.#leftovers.waiting.has(item.event.id);
      if (!known) return { kind: "fresh", item, event: item.event };
      this.#intake.done(item);
    }
  }

  #begin(task: Task): void {
    const { id } = task.event;
    this.#busy.add(id);
    const work = this.#attempt(task).catch((error: unknown) => {
      if (error instanceof Usurped) this.#m.onUsurped();
      else if (!this.#stop.signal.aborted)
        this.#m.log.error({ err: error, hook: this.#name }, "a webhook's event failed");
    });
    this.#work.add(work);
    void work.finally(() => {
      this.#work.delete(work);
      this.#busy.delete(id);
      this.pump();
    });
  }

  async #attempt(task: Task): Promise<void> {
    const { clock, counted } = this.#m;
    const began = clock.monotonic();
    const answer = await this.#call(task.event);
    if (answer === undefined) return; // stopped: whoever comes next tells it
    const verdict = verdictOf(answer, clock.now());
    counted(verdict.kind, clock.monotonic() - began);
    this.#receiver.judge(verdict, began, this.#entry);
    switch (verdict.kind) {
      case "taken":
        if (task.kind === "waiting") await this.#leftovers.taken(task.waiting);
        return this.#over(task);
      case "failed":
        return this.#later(task, verdict);
      case "gone":
        return this.#giveUp(task);
    }
  }

  async #call(event: MessageEvent): Promise<Answer | undefined> {
    const { calls, post, clock } = this.#m;
    const { signal } = this.#stop;
    await new Promise<void>((taken) => calls.queue(taken));
    try {
      if (signal.aborted || this.#receiver.isGone) return undefined;
      const { url, keys } = this.#entry;
      const body = JSON.stringify(event);
      const headers = { "content-type": "application/json", ...signed(keys, event.id, clock.now(), body) };
      const answer = await post({ url, headers, body }, signal);
      return signal.aborted ? undefined : answer;
    } finally {
      calls.give();
    }
  }

  /** For people: it may come late, and need not be waited for. */
  #say(condition: Condition): void {
    const { book, log } = this.#m;
    void book.setCondition(this.#entry.id, condition).catch((error: unknown) => {
      log.debug({ err: error, hook: this.#name }, "a webhook's condition could not be written");
    });
  }

  async #later(task: Task, { why, waitMs }: Extract<Verdict, { kind: "failed" }>): Promise<void> {
    const { clock, chance } = this.#m;
    const now = clock.now();
    const before = task.kind === "waiting" ? task.waiting : { attempts: 0, since: now };
    const attempts = before.attempts + 1;
    const end = before.since + this.#entry.giveUpAfterMs;
    const tried = { event: task.event, attempts, since: before.since, why };
    if (now >= end) return this.#bury(task, { ...tried, at: now });
    const waiting = { ...tried, next: Math.min(now + waitAfter(attempts, chance(), waitMs), end) };
    const isWritten = await this.#leftovers.keep(waiting);
    if (isWritten) this.#over(task);
    else if (task.kind === "fresh") this.#unwritten.set(task.event.id, task.item);
  }

  async #bury(task: Task, dead: Dead): Promise<void> {
    const { log, counted } = this.#m;
    counted("buried", 0);
    log.warn(
      { hook: this.#name, event: task.event.id, why: dead.why },
      "a webhook's event was given up: it lies with the dead letters",
    );
    const lost = await this.#leftovers.bury(dead);
    for (let i = 0; i < lost; i++) counted("lost", 0);
    this.#over(task);
  }

  /** The receiver wants nothing more: so with this one, and with all that wait. */
  async #giveUp(task: Task): Promise<void> {
    const at = this.#m.clock.now();
    const why = "answered 410";
    const before = task.kind === "waiting" ? task.waiting : { attempts: 0, since: at };
    const tried = { attempts: before.attempts + 1, since: before.since };
    await this.#bury(task, { event: task.event, ...tried, at, why });
    for (const waiting of this.#idle()) {
      const { event, attempts, since } = waiting;
      if (!this.#leftovers.waiting.has(event.id) || this.#busy.has(event.id)) continue; // another 410 came at the same time
      this.#busy.add(event.id);
      await this.#bury({ kind: "waiting", waiting, event }, { event, attempts, since, at, why }).finally(() =>
        this.#busy.delete(event.id),
      );
    }
  }

  #over(task: Task): void {
    const { id } = task.event;
    const item = task.kind === "fresh" ? task.item : this.#unwritten.get(id);
    if (item) this.#intake.done(item);
    this.#unwritten.delete(id);
  }

  /** Begins nothing more; resolves when nothing is under way. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#wake.abort();
    await Promise.all(this.#work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.drain();
    await this.#intake[Symbol.asyncDispose]();
  }
}
