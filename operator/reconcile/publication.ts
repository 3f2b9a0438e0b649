/**
 * What daemons are told: gathers what the reconcilers decide about each resource and publishes the whole, a moment after
 * the changes have settled.
 *
 * In:     `expect(key)` for each resource there is, then `hold`, `set` or `remove` as its reconciler decides.
 * Out:    `stateOf(key)`: whether, and by which revision, daemons can know what was decided last. `knownSince(key)`: since
 *         which they can know anything of it; `onTurned` tells when that begins and ends.
 * Fails:  never; a store that is away is tried again with growing pauses, and what was decided waits. A resource that is
 *         not decided upon keeps the record it has: an operator that has just started takes nothing away.
 * Costs:  what has been published is remembered by its `source` only. Specs and secrets rest in the store, not here; a
 *         record that is found missing or changed there has its reconciler make it again (`onLost`).
 */
import { type Declared, type DeclaredKey, declaredKey } from "../../daemon/directory/declared.ts";
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Turns } from "./turns.ts";

export type Named = Pick<Declared, "kind" | "namespace" | "name">;
export type Sourced = Declared & { readonly source: string };

/** The directory bucket, as the publication uses it. `operator/store` implements it. */
export interface Bucket {
  publish(
    declared: readonly Declared[],
    signal: AbortSignal,
    undecided: readonly Named[],
  ): Promise<{ readonly revision: number; readonly put: number; readonly removed: number }>;
  sourceOf(resource: Named): string | undefined;
  /** The revision with which the record in force became known; daemons of one namespace hear of no others. */
  publishedAt?(resource: Named): number | undefined;
  /** The revision with which the resource became known, whatever was published of it since; `undefined`: it is not known. */
  knownSince(resource: Named): number | undefined;
  /** The last revision that daemons of one namespace hear of. */
  revisionIn?(namespace: string): number;
  readonly revision: number;
}

export type PublicationState =
  /** Not decided, or decided and not yet in the store. */
  | { readonly kind: "waiting" }
  /** Daemons that have loaded this revision know it. */
  | { readonly kind: "published"; readonly revision: number };

export interface PublicationOptions {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Published when nothing has changed for so long, ms … */
  readonly settleMs?: number;
  /** … or after this at the latest. */
  readonly limitMs?: number;
}

type Entry = { readonly named: Named } & (
  | { readonly is: "expected" }
  | { readonly is: "held"; readonly source: string; readonly revision: number }
  | { readonly is: "new"; readonly declared: Sourced }
);

const waiting: PublicationState = { kind: "waiting" };
const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** So many decisions at once, and more are to come. */
const rush = 50;
/** In a rush at most a twentieth of the time goes into publishing, which costs the more the more there is … */
const restPerPublish = 20;
/** … and nobody waits for longer. Whoever follows has fewer revisions to load, too. */
const longestRestMs = 1_000;

export class Publication implements AsyncDisposable {
  readonly #options: PublicationOptions;
  readonly #entries = new Map<DeclaredKey, Entry>();
  readonly #fresh = new Set<DeclaredKey>();
  readonly #onPublished = new Set<(keys: readonly Named[]) => void>();
  readonly #onLost = new Set<(keys: readonly Named[]) => void>();
  readonly #onTurned = new Set<(keys: readonly Named[]) => void>();
  readonly #turns = new Turns((named) => this.knownSince(named) !== undefined);
  #removed = false;
  #begun = false;
  #timer: NodeJS.Timeout | undefined;
  #since: number | undefined;
  #restUntil = 0;
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  /** From now on the entries are complete: what the bucket holds beyond them goes. */
  begin(): void {
    this.#begun = true;
    this.#removed = true; // something may have gone while nobody looked
    this.#plan();
  }

  /** The resource exists; what is published of it stays until its reconciler has decided. */
  expect(named: Named): void {
    const key = declaredKey(named);
    if (!this.#entries.has(key)) this.#entries.set(key, { is: "expected", named });
  }

  /** Whether the record in force was made from this, so that it need not be made again. */
  holds(named: Named, source: string): boolean {
    const entry = this.#entries.get(declaredKey(named));
    if (entry?.is === "new") return entry.declared.source === source;
    return this.#options.bucket.sourceOf(named) === source;
  }

  /** The record in force is right. */
  hold(named: Named, source: string): void {
    const key = declaredKey(named);
    const entry = this.#entries.get(key);
    if (entry?.is === "new" && entry.declared.source === source) return;
    if (entry?.is === "held" && entry.source === source) return;
    this.#fresh.delete(key);
    this.#entries.set(key, { is: "held", named, source, revision: this.#revisionOf(named) });
  }

  #revisionOf(named: Named, otherwise = this.#options.bucket.revision): number {
    return this.#options.bucket.publishedAt?.(named) ?? otherwise;
  }

  set(declared: Sourced): void {
    const { kind, namespace, name } = declared;
    const key = declaredKey(declared);
    this.#entries.set(key, { is: "new", named: { kind, namespace, name }, declared });
    this.#fresh.add(key);
    this.#turns.stays(declared);
    this.#plan();
  }

  /** It is not published, or no longer. */
  remove(named: Named): void {
    const key = declaredKey(named);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    this.#fresh.delete(key);
    if (entry === undefined && this.#options.bucket.sourceOf(named) === undefined) return;
    this.#removed = true;
    this.#turns.leaves(named);
    this.#plan();
  }

  stateOf(named: Named): PublicationState {
    const entry = this.#entries.get(declaredKey(named));
    return entry?.is === "held" ? { kind: "published", revision: entry.revision } : waiting;
  }

  /** Something of it is in force, be it older than what was decided last: daemons with this revision know it. */
  knownSince(named: Named): number | undefined {
    return this.#options.bucket.knownSince(named);
  }

  /** Everything that was decided is in the store: daemons with this revision know it. `undefined`: not yet. */
  get settledRevision(): number | undefined {
    return this.#fresh.size > 0 || this.#removed || this.#running ? undefined : this.#options.bucket.revision;
  }

  /** The same for daemons that serve this namespace alone. */
  settledIn(namespace: string): number | undefined {
    const settled = this.settledRevision;
    return settled === undefined ? undefined : (this.#options.bucket.revisionIn?.(namespace) ?? settled);
  }

  /** Why nothing can be published now; `undefined`: it can. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls with those that daemons can know now. */
  onPublished(listener: (published: readonly Named[]) => void): void {
    this.#onPublished.add(listener);
  }

  /** Calls with those whose record is not what it was: their reconcilers must decide again. */
  onLost(listener: (lost: readonly Named[]) => void): void {
    this.#onLost.add(listener);
  }

  /** Calls with those of which daemons know something now and knew nothing before, or the other way round. */
  onTurned(listener: (turned: readonly Named[]) => void): void {
    this.#onTurned.add(listener);
  }

  /** Compares what should be in the store with what is. */
  audit(): void {
    const { bucket, log } = this.#options;
    const lost: Named[] = [];
    for (const [key, entry] of this.#entries) {
      if (entry.is !== "held" || bucket.sourceOf(entry.named) === entry.source) continue;
      this.#entries.set(key, { is: "expected", named: entry.named });
      lost.push(entry.named);
    }
    if (lost.length === 0) return;
    log.warn(
      { records: lost.length },
      "records of the directory are not what was published; making them again",
    );
    for (const listener of this.#onLost) listener(lost);
  }

  #plan(): void {
    if (!this.#begun || this.#closed || this.#running) return;
    const { clock, settleMs = 50, limitMs = 200 } = this.#options;
    const now = clock.monotonic();
    this.#since ??= now;
    clearTimeout(this.#timer);
    const rest = this.#fresh.size < rush ? 0 : this.#restUntil - now;
    const wait = Math.max(0, Math.min(settleMs, this.#since + limitMs - now), rest);
    this.#timer = setTimeout(() => {
      const begin = clock.monotonic();
      this.#running = this.#work().finally(() => {
        this.#running = undefined;
        const end = clock.monotonic();
        this.#restUntil = end + Math.min(restPerPublish * (end - begin), longestRestMs);
        if (this.#fresh.size > 0 || this.#removed) this.#plan();
      });
    }, wait);
  }

  async #work(): Promise<void> {
    const { signal, clock, log } = this.#options;
    for (let pause = firstPauseMs; !signal.aborted; pause = Math.min(pause * 2, longestPauseMs)) {
      this.#since = undefined;
      try {
        return await this.#publish(signal);
      } catch (error) {
        this.#removed = true;
        if (signal.aborted) return;
        if (!this.#failure) log.warn({ err: error }, "the directory cannot be published now; trying again");
        this.#failure = error as Error;
        await clock.sleep(pause, signal).catch(() => {});
      }
    }
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const taken: Sourced[] = [];
    const undecided: Named[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.is === "new") taken.push(entry.declared);
      else undecided.push(entry.named);
    }
    this.#removed = false;
    this.#turns.expect(taken);
    const { revision, put, removed } = await this.#options.bucket.publish(taken, signal, undecided);
    this.#failure = undefined;
    if (put + removed > 0) this.#options.log.info({ revision, put, removed }, "directory published");
    const published = taken.filter((declared) => this.#settle(declared, revision));
    for (const listener of this.#onPublished) listener(published);
    const turned = this.#turns.take();
    if (turned.length > 0) for (const listener of this.#onTurned) listener(turned);
    this.audit();
  }

  /** `false`: another state was decided meanwhile. */
  #settle(declared: Sourced, revision: number): boolean {
    const key = declaredKey(declared);
    const entry = this.#entries.get(key);
    if (entry?.is !== "new" || entry.declared !== declared) return false;
    this.#fresh.delete(key);
    this.#entries.set(key, {
      is: "held",
      named: entry.named,
      source: declared.source,
      revision: this.#revisionOf(declared, revision),
    });
    return true;
  }

  /** What is being written is waited for; the rest is the successor's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
