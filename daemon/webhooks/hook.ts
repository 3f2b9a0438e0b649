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
import { createHash } from "node:crypto";
import type { HookEntry } from "../directory/hooks.ts";
import type { Chance, Clock } from "../kit/clock.ts";
import type { Turns } from "../kit/fair-slots.ts";
import type { Log } from "../kit/log.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import { type Answer, type Verdict, verdictOf } from "./answer.ts";
import type { Intake, Item } from "./intake.ts";
import { atOnce, pauseAfter, waitAfter } from "./pace.ts";
import { signed } from "./signature.ts";
import { type Condition, type Dead, type HookBook, type Remembered, Usurped, type Waiting } from "./store.ts";

export interface Call {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Posts; never rejects. */
export type Post = (call: Call, signal: AbortSignal) => Promise<Answer>;

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

const WAITING = 100;
const DEAD = 1_000;
const FAILING = 3;
const storePauseMs = 1_000;
const longestTimerMs = 3_600_000;

/** What an attempt is about: an event that comes from the stream, or one that waited. */
type Task =
  | { readonly kind: "fresh"; readonly item: Item; readonly event: MessageEvent }
  | { readonly kind: "waiting"; readonly waiting: Waiting; readonly event: MessageEvent };

export class Hook implements AsyncDisposable {
  readonly #m: HookMeans;
  #entry: HookEntry;
  readonly #intake: Intake;
  readonly #waiting: Map<string, Waiting>;
  /** Of those that wait, the ones that the book had no room for. */
  readonly #unwritten = new Map<string, Item>();
  readonly #dead: string[];
  readonly #busy = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #condition: Condition;
  #failures = 0;
  /** Monotonic, as the next: what only we wait for follows no clock that is set. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();
  #draining = false;

  constructor(entry: HookEntry, intake: Intake, remembered: Remembered | undefined, means: HookMeans) {
    this.#m = means;
    this.#entry = entry;
    this.#intake = intake;
    this.#waiting = new Map(remembered?.waiting);
    this.#dead = [...(remembered?.dead ?? [])];
    this.#condition = remembered?.condition ?? { is: "well", at: means.clock.now() };
  }

  get condition(): Condition["is"] {
    return this.#condition.is;
  }

  /** What it was when its receiver said 410. */
  get goneAs(): string | undefined {
    return this.#condition.is === "gone" ? this.#condition.as : undefined;
  }

  /** Ids, the oldest first. */
  get dead(): readonly string[] {
    return this.#dead;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** ms since the epoch: the oldest event that is neither taken nor dead. */
  get oldest(): number | undefined {
    let oldest = this.#intake.oldest;
    for (const { event } of this.#waiting.values())
      oldest = Math.min(oldest ?? Number.POSITIVE_INFINITY, Date.parse(event.timestamp));
    return oldest;
  }

  /** The same hook with other keys, kinds or patience. */
  update(entry: HookEntry): void {
    this.#entry = entry;
    this.pump();
  }

  /** It was ended by its receiver, and is another now. */
  revive(): void {
    this.#say({ is: "well", at: this.#m.clock.now() });
  }

  /** Somebody wants it sent now, also while its receiver is left alone: it may have been mended. */
  recall(waiting: Waiting): void {
    this.#waiting.set(waiting.event.id, waiting);
    this.#pausedUntil = Number.NEGATIVE_INFINITY;
    this.pump();
  }

  /** Begins what may be begun. */
  pump(): void {
    this.#wake.abort();
    if (this.#draining || this.#condition.is === "gone" || this.#entry.keys.length === 0) return;
    const { clock } = this.#m;
    const paused = this.#pausedUntil - clock.monotonic();
    if (paused > 0) return this.#wakeIn(paused);
    const now = clock.now();
    while (this.#busy.size < atOnce(this.#failures)) {
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
    return [...this.#waiting.values()].filter(({ event }) => !this.#busy.has(event.id));
  }

  #due(now: number): Task | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#idle())
      if (waiting.next <= now && waiting.next < (first?.next ?? Number.POSITIVE_INFINITY)) first = waiting;
    return first && { kind: "waiting", waiting: first, event: first.event };
  }

  #fresh(): Task | undefined {
    for (;;) {
      const item = this.#waiting.size < WAITING ? this.#intake.take() : undefined;
      if (item === undefined) return undefined;
      // It was told twice, or it failed before its place was written.
      const known = this.#busy.has(item.event.id) || this.#waiting.has(item.event.id);
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
    this.#judge(verdict, began);
    switch (verdict.kind) {
      case "taken":
        if (task.kind === "waiting")
          await this.#write((book) => book.removeWaiting(this.#entry.id, task.event.id));
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
      if (signal.aborted || this.#condition.is === "gone") return undefined;
      const { url, keys } = this.#entry;
      const body = JSON.stringify(event);
      const headers = { "content-type": "application/json", ...signed(keys, event.id, clock.now(), body) };
      const answer = await post({ url, headers, body }, signal);
      return signal.aborted ? undefined : answer;
    } finally {
      calls.give();
    }
  }

  /** What an answer says of the receiver. */
  #judge(verdict: Verdict, began: number): void {
    const { clock, chance, log } = this.#m;
    const [at, now] = [clock.now(), clock.monotonic()];
    if (verdict.kind === "taken") {
      this.#failures = 0;
      this.#pausedUntil = Number.NEGATIVE_INFINITY;
      this.#failedAt = Number.NEGATIVE_INFINITY;
      if (this.#condition.is === "failing") {
        log.info({ hook: this.#name }, "a webhook's receiver takes events again");
        this.#say({ is: "well", at });
      }
      return;
    }
    if (verdict.kind === "gone") {
      if (this.#condition.is === "gone") return;
      log.warn(
        { hook: this.#name },
        "a webhook's receiver said 410: it gets nothing more until the hook is changed",
      );
      return this.#say({ is: "gone", at, as: fingerprint(this.#entry) });
    }
    // Those that were under way together fail together: that is one failure.
    if (began < this.#failedAt) {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + verdict.waitMs);
      return;
    }
    this.#failures++;
    this.#failedAt = now;
    this.#pausedUntil = now + pauseAfter(this.#failures, chance(), verdict.waitMs);
    if (this.#failures < FAILING || this.#condition.is !== "well") return;
    log.warn({ hook: this.#name, why: verdict.why }, "a webhook's receiver fails: its events wait");
    this.#say({ is: "failing", at, why: verdict.why });
  }

  /** For people: it may come late, and need not be waited for. */
  #say(condition: Condition): void {
    this.#condition = condition;
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
    const isWritten = await this.#write((book) => book.putWaiting(this.#entry.id, waiting));
    this.#waiting.set(task.event.id, waiting);
    if (isWritten) this.#over(task);
    else if (task.kind === "fresh") this.#unwritten.set(task.event.id, task.item);
  }

  async #bury(task: Task, dead: Dead): Promise<void> {
    const { log, counted } = this.#m;
    const { id } = task.event;
    const before = this.#dead.indexOf(id); // it was sent again, and is dead again
    if (before >= 0) this.#dead.splice(before, 1);
    this.#dead.push(id);
    const tooMany = this.#dead.splice(0, Math.max(0, this.#dead.length - DEAD));
    counted("buried", 0);
    log.warn(
      { hook: this.#name, event: task.event.id, why: dead.why },
      "a webhook's event was given up: it lies with the dead letters",
    );
    const lost = await this.#write((book) => book.bury(this.#entry.id, dead, tooMany));
    for (let i = 0; i < lost; i++) counted("lost", 0);
    this.#waiting.delete(task.event.id);
    this.#over(task);
  }

  /** The receiver wants nothing more: so with this one, and with all that wait. */
  async #giveUp(task: Task): Promise<void> {
    const at = this.#m.clock.now();
    const why = "answered 410";
    const before = task.kind === "waiting" ? task.waiting : { attempts: 0, since: at };
    await this.#bury(task, {
      event: task.event,
      attempts: before.attempts + 1,
      since: before.since,
      at,
      why,
    });
    for (const waiting of this.#idle()) {
      const { event, attempts, since } = waiting;
      if (!this.#waiting.has(event.id) || this.#busy.has(event.id)) continue; // another 410 came at the same time
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
    if (task.kind === "waiting" && this.#waiting.get(id) === task.waiting) this.#waiting.delete(id);
  }

  /** Until it is written, or another daemon has taken over, or we stop. */
  async #write<T>(write: (book: HookBook) => Promise<T>): Promise<T> {
    const { book, clock, log } = this.#m;
    const { signal } = this.#stop;
    for (let told = false; ; told = true) {
      try {
        return await write(book);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Usurped) throw error;
        if (!told)
          log.warn(
            { err: error, hook: this.#name },
            "what became of a webhook's event cannot be written yet",
          );
        await clock.sleep(storePauseMs, signal);
      }
    }
  }

  get #name(): string {
    return `${this.#entry.namespace}/${this.#entry.id}`;
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

/** Tells whether a hook is another than the one that said 410. Keys are no part of it: nothing of them is stored. */
export const fingerprint = ({ url, kinds, giveUpAfterMs }: HookEntry): string =>
  createHash("sha256")
    .update(JSON.stringify([url, [...kinds].sort(), giveUpAfterMs]))
    .digest("base64url")
    .slice(0, 22);
