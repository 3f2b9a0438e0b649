/**
 * Looks after the webhooks of one namespace, for as long as this daemon holds its lease.
 *
 * In:     what the directory says now, the event stream, and the book with what was remembered.
 * Out:    events go to their receivers; places are written once a second, so a successor repeats about that much.
 * Apart:  each hook has an intake and a pace of its own. All share one reading of the stream; one that cannot keep up reads
 *         for itself.
 */
import { concerns, type HookEntry } from "../directory/hooks.ts";
import type { Turns } from "../kit/fair-slots.ts";
import { Trouble } from "../kit/trouble.ts";
import { Hook, type HookMeans } from "./hook.ts";
import { Intake } from "./intake.ts";
import { fingerprint } from "./receiver.ts";
import {
  type Condition,
  type EventSource,
  type Place,
  type Reading,
  type Remembered,
  Usurped,
  type Waiting,
} from "./store.ts";

export interface CarrierOptions extends HookMeans {
  readonly namespace: string;
  readonly source: EventSource;
  readonly remembered: ReadonlyMap<string, Remembered>;
  /** Takes away what is remembered of a hook that is no more; the dead stay for a while. */
  readonly forget: (hook: string) => Promise<void>;
  readonly catchingUp: Turns;
}

interface Held {
  readonly hook: Hook;
  readonly intake: Intake;
  entry: HookEntry;
  written: string;
  writtenAt: number;
}

const flushMs = 1_000;
/** How seldom a place is written when nothing but others' events has passed. */
const idleFlushMs = 30_000;
/** Copies of the stream may lag, and clocks differ. */
const overlapMs = 60_000;
/** A hook that is new is told of what happened since a moment ago: it may have been declared then. */
const newHookMs = 2_000;
const drainMs = 2_000;

export class Carrier implements AsyncDisposable {
  readonly #o: CarrierOptions;
  readonly #held = new Map<string, Held>();
  readonly #live: Reading;
  readonly #places: Trouble;
  readonly #timer: NodeJS.Timeout;
  #seen = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: CarrierOptions, entries: readonly HookEntry[]) {
    this.#o = options;
    this.#places = new Trouble(
      options.log,
      "places of webhooks cannot be written: events of now would be told again after a restart",
      "places of webhooks are written again",
    );
    const { source, namespace, clock } = options;
    this.#live = source.read(
      namespace,
      { since: clock.now() - overlapMs },
      {
        onRecord: (sequence, events, at) => {
          this.#seen = Math.max(this.#seen, sequence);
          for (const { intake } of this.#held.values()) intake.offer(sequence, events, at);
        },
        onAnother: (next) => {
          this.#seen = Math.min(this.#seen, next - 1);
          for (const { intake } of this.#held.values()) intake.goBack(next);
        },
      },
    );
    const wanted = new Set(entries.map(({ id }) => id));
    for (const id of options.remembered.keys()) if (!wanted.has(id)) this.#forget(id);
    for (const entry of entries) this.#add(entry, options.remembered.get(entry.id));
    this.#timer = setInterval(() => void this.#flush(), flushMs);
    void this.#flush(); // where a new hook begins is known from its first moment
  }

  /** What the directory says now. */
  async set(entries: readonly HookEntry[]): Promise<void> {
    const wanted = new Map(entries.map((entry) => [entry.id, entry]));
    for (const [id, { hook }] of this.#held) {
      if (wanted.has(id)) continue;
      this.#held.delete(id);
      await hook[Symbol.asyncDispose]();
      this.#forget(id);
    }
    for (const entry of entries) await this.#change(entry);
    void this.#flush();
  }

  /** Somebody wants a dead letter sent again. */
  recall(id: string, waiting: Waiting): void {
    this.#held.get(id)?.hook.recall(waiting);
  }

  *figures(): Iterable<{
    readonly condition: Condition["is"];
    readonly waiting: number;
    readonly oldest: number | undefined;
  }> {
    for (const { hook } of this.#held.values()) {
      const { condition, waiting, oldest } = hook;
      yield { condition, waiting, oldest: condition === "gone" ? undefined : oldest };
    }
  }

  async #change(entry: HookEntry): Promise<void> {
    const held = this.#held.get(entry.id);
    if (held === undefined) return this.#add(entry, undefined);
    held.entry = entry;
    const { goneAs } = held.hook;
    if (goneAs === undefined || goneAs === fingerprint(entry)) return held.hook.update(entry);
    this.#held.delete(entry.id);
    await held.hook[Symbol.asyncDispose]();
    this.#add(entry, { waiting: new Map(), dead: held.hook.dead }, true);
  }

  #add(entry: HookEntry, remembered: Remembered | undefined, isCalledAgain = false): void {
    const { source, namespace, clock, catchingUp, log } = this.#o;
    const isRevived = remembered?.condition?.is === "gone" && remembered.condition.as !== fingerprint(entry);
    const kept: Remembered | undefined = isRevived
      ? { waiting: new Map(), dead: remembered.dead }
      : remembered;
    const from: Place = kept?.place ?? { since: clock.now() - newHookMs };
    const more = { pump: () => {} };
    const intake = new Intake({
      source,
      namespace,
      from,
      fits: (event) => concerns(this.#held.get(entry.id)?.entry ?? entry, event),
      seen: () => this.#seen,
      slots: catchingUp,
      onMore: () => more.pump(),
    });
    const hook = new Hook(entry, intake, kept, this.#o);
    more.pump = () => hook.pump();
    const name = { hook: `${namespace}/${entry.id}` };
    if (entry.keys.length === 0) log.error(name, "a webhook has no secret to sign with: its events wait");
    this.#held.set(entry.id, { hook, intake, entry, written: "", writtenAt: Number.NEGATIVE_INFINITY });
    if (isRevived || isCalledAgain) hook.revive();
    hook.pump();
  }

  #forget(id: string): void {
    const { forget, log, namespace } = this.#o;
    void forget(id).catch((error: unknown) => {
      log.warn(
        { err: error, hook: `${namespace}/${id}` },
        "what was remembered of a webhook could not be removed",
      );
    });
  }

  #flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#writePlaces()).catch(() => {});
    return this.#flushing;
  }

  async #writePlaces(): Promise<void> {
    const now = this.#o.clock.monotonic();
    const changed = [...this.#held].filter(([, { intake, written, writtenAt }]) => {
      if (JSON.stringify(intake.place) === written) return false;
      return intake.hasWorked || now - writtenAt > idleFlushMs;
    });
    await Promise.all(changed.map(([id, held]) => this.#writePlace(id, held, now)));
  }

  async #writePlace(id: string, held: Held, now: number): Promise<void> {
    const { book, onUsurped } = this.#o;
    const { place } = held.intake;
    held.intake.hasWorked = false;
    try {
      await book.setPlace(id, place);
      held.written = JSON.stringify(place);
      held.writtenAt = now;
      this.#places.succeeded({ hook: id });
    } catch (error) {
      held.intake.hasWorked = true;
      if (error instanceof Usurped) onUsurped();
      else this.#places.failed({ err: error, hook: id });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const { clock } = this.#o;
    const hooks = [...this.#held.values()].map(({ hook }) => hook);
    const drained = Promise.all(hooks.map((hook) => hook.drain()));
    const enough = new AbortController();
    await Promise.race([drained, clock.sleep(drainMs, enough.signal).catch(() => {})]);
    enough.abort();
    await this.#flush();
    await Promise.all([
      ...hooks.map((hook) => hook[Symbol.asyncDispose]()),
      this.#live[Symbol.asyncDispose](),
    ]);
  }
}
