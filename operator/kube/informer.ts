/**
 * Keeps all objects of one kind (and selection) in memory, true to the API server for as long as it lives.
 *
 * A paged list, then a watch from its version on. Bookmarks keep the version young, and prove that the connection lives:
 * the server sends one a minute, so silence for longer means that it is dead. But it sends none for a kind of which it has
 * not seen a single change; so a watch that begins after a silent one is asked for with an end before that minute is over,
 * and its end proves the same. Whatever fails is tried again, with growing, spread waits and
 * never for the last time; after 410, and after several failures in a row, beginning with a new list, of which only the
 * differences are told.
 *
 * Fails:  never; `figures` tell what is wrong. A listener's exception is logged and harms nobody else.
 */
import type { Chance, Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { type BackoffLimits, backoffMs } from "./backoff.ts";
import type { KubeObject } from "./object.ts";
import { ObjectStore } from "./object-store.ts";
import { type Cache, type Change, type Kind, KubeError, type Namespace, type Selection } from "./port.ts";
import { SilentWatch } from "./watch-stream.ts";
import type { Watchable, WatchEvent } from "./watchable.ts";

export interface InformerOptions<T extends KubeObject> {
  readonly selection?: Selection;
  readonly metadataOnly?: boolean;
  /** What is to be kept of an object: the rest of it takes no memory. `managedFields` never stay. */
  readonly transform?: (object: T) => T;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Told whenever a watch had to be begun again, other than by its regular end. */
  readonly onTrouble?: (reason: string) => void;
  readonly onStop?: () => void;
  readonly limits?: Partial<InformerLimits>;
}

export interface InformerLimits {
  /** The server's time limit for one watch, spread up to twice this, so that they do not all end together. */
  readonly watchSeconds: number;
  /** The same when nothing was heard in the last one; spread up to one and a half of it. */
  readonly quietSeconds: number;
  readonly silenceMs: number;
  readonly backoff: BackoffLimits;
}

const informerLimits: InformerLimits = {
  watchSeconds: 240,
  quietSeconds: 40,
  silenceMs: 75_000, // bookmarks come each minute
  backoff: { firstMs: 200, maxMs: 10_000 },
};

/** A watch that ends sooner without having said anything did not work. */
const TOO_SHORT_MS = 1_000;
/** After so many failures in a row the truth is asked for anew: the version may be one that no longer makes sense. */
const RELIST_AFTER = 5;

export interface InformerFigures {
  readonly objects: number;
  readonly synced: boolean;
  /** Failures in a row; 0 when all is well. */
  readonly failures: number;
  readonly lists: number;
  readonly watches: number;
}

export class Informer<T extends KubeObject = KubeObject> implements Cache<T>, AsyncDisposable {
  readonly synced: Promise<void>;
  readonly #api: Watchable;
  readonly #kind: Kind;
  readonly #options: InformerOptions<T>;
  readonly #limits: InformerLimits;
  readonly #log: Log;
  readonly #store = new ObjectStore<T>();
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #tellSynced: () => void = () => {};
  #isSynced = false;
  #version: string | undefined;
  /** Nothing was heard in the last watch: there may be no bookmarks. */
  #quiet = true;
  #failures = 0;
  #lists = 0;
  #watches = 0;

  /** Begins at once. */
  constructor(api: Watchable, kind: Kind, options: InformerOptions<T>) {
    this.#api = api;
    this.#kind = kind;
    this.#options = options;
    this.#limits = { ...informerLimits, ...options.limits };
    this.#log = options.log.child({ kind: kind.kind, ...options.selection });
    this.synced = new Promise((resolve) => {
      this.#tellSynced = resolve;
    });
    this.#running = this.#run(this.#stop.signal);
  }

  get figures(): InformerFigures {
    return {
      objects: this.#store.size,
      synced: this.#isSynced,
      failures: this.#failures,
      lists: this.#lists,
      watches: this.#watches,
    };
  }

  get(namespace: Namespace, name: string): T | undefined {
    return this.#store.get(namespace, name);
  }

  list(namespace?: string): Iterable<T> {
    return this.#store.list(namespace);
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    // A function of its own, so that the same listener may be added twice.
    const each = (change: Change<T>) => listener(change);
    this.#listeners.add(each);
    return () => this.#listeners.delete(each);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the informer was stopped"));
    this.#listeners.clear();
    await this.#running;
    this.#options.onStop?.();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        this.#version ??= await this.#relist(signal);
        await this.#follow(this.#version, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, signal);
      }
  }

  async #relist(signal: AbortSignal): Promise<string> {
    this.#lists++;
    const { selection = {}, metadataOnly = false } = this.#options;
    const seen = new Set<string>();
    let version = "";
    for await (const page of this.#api.pages(this.#kind, selection, { metadataOnly }, signal)) {
      for (const object of page.items) {
        seen.add(keyOf(object));
        this.#keep(object);
      }
      version = page.resourceVersion;
    }
    for (const object of [...this.#store.list()]) if (!seen.has(keyOf(object))) this.#drop(object);
    this.#failures = 0;
    if (!this.#isSynced) {
      this.#isSynced = true;
      this.#tellSynced();
    }
    return version;
  }

  /** One watch, to its end. */
  async #follow(version: string, signal: AbortSignal): Promise<void> {
    this.#watches++;
    const { selection = {}, metadataOnly = false, clock, chance } = this.#options;
    const { watchSeconds, quietSeconds, silenceMs } = this.#limits;
    const wasQuiet = this.#quiet;
    const seconds = wasQuiet ? quietSeconds * (1 + chance() / 2) : watchSeconds * (1 + chance());
    const how = { metadataOnly, resourceVersion: version, timeoutSeconds: Math.ceil(seconds), silenceMs };
    const begin = clock.monotonic();
    this.#quiet = true;
    try {
      for await (const event of this.#api.watch(this.#kind, selection, how, signal)) {
        this.#quiet = false;
        this.#failures = 0;
        this.#apply(event);
      }
    } catch (error) {
      // The bookmarks may only have stopped: a short watch will tell.
      if (wasQuiet || !(error instanceof SilentWatch)) throw error;
      this.#quiet = true;
      return;
    }
    if (this.#quiet && clock.monotonic() - begin < TOO_SHORT_MS) throw new Error("the watch ended at once");
    this.#failures = 0;
  }

  #apply(event: WatchEvent): void {
    if (event.type === "BOOKMARK") this.#version = event.resourceVersion || this.#version;
    else {
      this.#version = event.object.metadata.resourceVersion ?? this.#version;
      if (event.type === "DELETED") this.#drop(event.object);
      else this.#keep(event.object);
    }
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const failures = ++this.#failures;
    const refused = error instanceof KubeError ? error : undefined;
    const gone = refused?.status === 410;
    if (gone || failures % RELIST_AFTER === 0) this.#version = undefined;
    const reason = refused?.reason ?? (error as Error | undefined)?.name ?? "Error";
    this.#options.onTrouble?.(reason);
    // A version that was forgotten is an ordinary event; the new list follows at once.
    const backoff =
      gone && failures === 1 ? 0 : backoffMs(failures, this.#limits.backoff, this.#options.chance);
    const waitMs = Math.round(Math.max(backoff, refused?.retryAfterMs ?? 0));
    const fields = { reason, error: String(error), failures, waitMs };
    if (gone || failures < 3) this.#log.debug(fields, "a watch is begun again");
    else this.#log.warn(fields, "the API server cannot be followed");
    if (waitMs > 0) await this.#options.clock.sleep(waitMs, signal).catch(() => {});
  }

  #keep(raw: KubeObject): void {
    const known = this.#store.get(raw.metadata.namespace, raw.metadata.name);
    if (known !== undefined && known.metadata.resourceVersion === raw.metadata.resourceVersion) return;
    const object = this.#trimmed(raw);
    this.#store.set(object);
    if (known === undefined) this.#tell({ kind: "added", object });
    else if (known.metadata.uid === object.metadata.uid)
      this.#tell({ kind: "changed", object, before: known });
    else {
      // Deleted and made again while nobody listened.
      this.#tell({ kind: "removed", before: known });
      this.#tell({ kind: "added", object });
    }
  }

  #drop(object: KubeObject): void {
    const before = this.#store.delete(object);
    if (before !== undefined) this.#tell({ kind: "removed", before });
  }

  #trimmed(raw: KubeObject): T {
    const { managedFields: _, ...metadata } = raw.metadata as KubeObject["metadata"] & {
      managedFields?: unknown;
    };
    const object = { ...raw, metadata } as KubeObject as T;
    return this.#options.transform?.(object) ?? object;
  }

  #tell(change: Change<T>): void {
    for (const listener of [...this.#listeners])
      try {
        listener(change);
      } catch (error) {
        this.#log.error({ error }, "a listener threw; the others go on");
      }
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;
