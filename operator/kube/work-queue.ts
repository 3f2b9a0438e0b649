/**
 * Which keys are to be reconciled, and by whom: the heart of a level-based operator.
 *
 * - A key is reconciled by one worker at a time; asked for meanwhile, it is reconciled once more afterwards.
 * - A key that waits is not queued twice.
 * - Two priorities: `high` for what somebody changed, `low` for resyncs, retries and appointments. While both wait, one
 *   turn in eight is for `low`: a new object never waits behind ten thousand resyncs, and they never stand still.
 * - Reconcilers that find nothing to wait for follow each other without an end; every few milliseconds the rest of the process
 *   gets a word in, so that ten thousand resyncs keep neither a new object's answers nor the lease's renewal waiting.
 * - A failure is tried again after a growing wait (or what the server asked for); a `PermanentError` only when the key is
 *   added again. A change ends the wait, but not sooner than a second after the failure: whoever fails and causes a
 *   change by it must not turn in circles.
 */
import type { Chance, Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Alarms } from "./alarms.ts";
import { type BackoffLimits, backoffMs } from "./backoff.ts";
import { KubeError, type Next, PermanentError, type Reconciler } from "./port.ts";

export type Priority = "high" | "low";
export type Result = "done" | "failed" | "permanent";

export interface WorkQueueOptions {
  /** For logs: the kind. */
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly workers: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly observe?: QueueObserver;
  readonly backoff?: BackoffLimits;
}

export interface QueueObserver {
  /** From being added to its turn. */
  waited(priority: Priority, ms: number): void;
  ended(result: Result, ms: number): void;
}

export interface QueueFigures {
  readonly high: number;
  readonly low: number;
  readonly busy: number;
  /** Waiting for a time: retries and appointments. */
  readonly later: number;
  readonly failing: number;
}

const queueBackoff: BackoffLimits = { firstMs: 200, maxMs: 60_000 };
const LOW_TURN = 8;
const CALM_MS = 1_000;
const BREATH_MS = 5;

interface Failure {
  readonly count: number;
  readonly at: number;
}

export class WorkQueue implements AsyncDisposable {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #backoff: BackoffLimits;
  readonly #log: Log;
  /** Keys in order of arrival, with the time at which they came. */
  readonly #ready: Readonly<Record<Priority, Map<string, number>>> = { high: new Map(), low: new Map() };
  /** With the priority at which they were asked for again meanwhile. */
  readonly #busy = new Map<string, Priority | undefined>();
  readonly #later: Alarms;
  readonly #laterPriority = new Map<string, Priority>();
  readonly #failures = new Map<string, Failure>();
  readonly #stop = new AbortController();
  #started = false;
  #turns = 0;
  /** When the rest of the process had its turn last, ms. */
  #breath = 0;
  #breathing = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#backoff = options.backoff ?? queueBackoff;
    this.#log = options.log.child({ queue: options.name });
    this.#later = new Alarms(options.clock, (key) => this.#rung(key));
  }

  get figures(): QueueFigures {
    return {
      high: this.#ready.high.size,
      low: this.#ready.low.size,
      busy: this.#busy.size,
      later: this.#later.size,
      failing: this.#failures.size,
    };
  }

  /** Keys may be added before; nothing is reconciled until now. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  add(key: string, priority: Priority = "high"): void {
    if (this.#stop.signal.aborted) return;
    if (this.#busy.has(key)) {
      this.#busy.set(key, higher(this.#busy.get(key), priority));
      return;
    }
    const failure = this.#failures.get(key);
    const calm = failure && failure.at + Math.min(CALM_MS, this.#backoff.firstMs * 2 ** (failure.count - 1));
    if (calm !== undefined && calm > this.#clock.monotonic()) this.#wakeAt(key, calm, priority);
    else this.#push(key, priority);
  }

  /** An earlier appointment of the same key stays. */
  addAfter(key: string, ms: number, priority: Priority = "low"): void {
    if (this.#stop.signal.aborted) return;
    this.#wakeAt(key, this.#clock.monotonic() + ms, priority);
  }

  get isIdle(): boolean {
    return this.#busy.size === 0 && this.#ready.high.size === 0 && this.#ready.low.size === 0;
  }

  /** When nothing is ready or under way; what waits for a time does not count. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Takes nothing new, aborts the reconcilers' signal, waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the work queue was stopped"));
    this.#later[Symbol.dispose]();
    this.#ready.high.clear();
    this.#ready.low.clear();
    await this.idle();
  }

  #wakeAt(key: string, due: number, priority: Priority): void {
    this.#laterPriority.set(key, higher(this.#laterPriority.get(key), priority));
    const set = this.#later.due(key);
    if (set === undefined || due < set) this.#later.set(key, due);
  }

  #rung(key: string): void {
    const priority = this.#laterPriority.get(key) ?? "low";
    this.#laterPriority.delete(key);
    if (this.#busy.has(key)) this.#busy.set(key, higher(this.#busy.get(key), priority));
    else this.#push(key, priority);
  }

  #push(key: string, priority: Priority): void {
    this.#later.delete(key);
    this.#laterPriority.delete(key);
    const { high, low } = this.#ready;
    if (high.has(key) || (priority === "low" && low.has(key))) return;
    const since = low.get(key) ?? this.#clock.monotonic();
    low.delete(key);
    this.#ready[priority].set(key, since);
    this.#pump();
  }

  #pump(): void {
    if (!this.#started) return;
    while (this.#busy.size < this.#options.workers) {
      const priority = this.#nextPriority();
      const next = priority && this.#ready[priority].entries().next();
      if (priority === undefined || next === undefined || next.done) return;
      const [key, since] = next.value;
      this.#ready[priority].delete(key);
      this.#busy.set(key, undefined);
      this.#options.observe?.waited(priority, this.#clock.monotonic() - since);
      void this.#process(key);
    }
  }

  #goOn(): void {
    if (this.#breathing) return;
    if (this.#clock.monotonic() - this.#breath < BREATH_MS) return this.#pump();
    this.#breathing = true;
    setImmediate(() => {
      this.#breathing = false;
      this.#breath = this.#clock.monotonic();
      this.#pump();
    });
  }

  #nextPriority(): Priority | undefined {
    const { high, low } = this.#ready;
    if (high.size > 0 && low.size > 0) return ++this.#turns % LOW_TURN === 0 ? "low" : "high";
    return high.size > 0 ? "high" : low.size > 0 ? "low" : undefined;
  }

  async #process(key: string): Promise<void> {
    const begin = this.#clock.monotonic();
    const { reconciler, observe } = this.#options;
    try {
      const next = await reconciler.reconcile(key, this.#stop.signal);
      observe?.ended("done", this.#clock.monotonic() - begin);
      this.#succeeded(key, next);
    } catch (error) {
      const permanent = error instanceof PermanentError;
      if (!this.#stop.signal.aborted) {
        observe?.ended(permanent ? "permanent" : "failed", this.#clock.monotonic() - begin);
        this.#failed(key, error, permanent);
      }
    }
    const again = this.#busy.get(key);
    this.#busy.delete(key);
    if (again !== undefined) this.add(key, again);
    this.#goOn();
    if (this.isIdle) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  #succeeded(key: string, next: Next): void {
    this.#failures.delete(key);
    if (next.wake === "after") this.addAfter(key, next.ms);
  }

  #failed(key: string, error: unknown, permanent: boolean): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    const now = this.#clock.monotonic();
    this.#failures.set(key, { count, at: now });
    const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.round(Math.max(asked, backoffMs(count, this.#backoff, this.#options.chance)));
    // Each time would be too often, never again too seldom.
    if (Number.isInteger(Math.log2(count))) {
      const fields = { key, failures: count, error: permanent ? String(error) : error };
      if (permanent) this.#log.warn(fields, "cannot be reconciled until something changes");
      else this.#log.warn({ ...fields, waitMs }, "reconciling failed; it is tried again");
    }
    if (!permanent) this.#wakeAt(key, now + waitMs, "low");
  }
}

const higher = (a: Priority | undefined, b: Priority): Priority => (a === "high" ? a : b);
