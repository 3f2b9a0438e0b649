/**
 * Kinds of others that may be installed or not: noticed at run time, watched while they are there.
 *
 * In:     the kinds; how a watch is opened.
 * Out:    `cache(kind)`: `undefined` while the API server does not serve it; `onChange` when a kind came or went, and from
 *         then on `onObject` when one of its objects was changed.
 * Fails:  never: a question that got no answer is asked again.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import type { Cache, Change, Kind, Kube } from "../kube/port.ts";

export interface OptionalOptions {
  readonly kube: Pick<Kube, "serves">;
  readonly kinds: readonly Kind[];
  readonly open: (kind: Kind) => Cache & AsyncDisposable;
  readonly onObject: (change: Change) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly lookMs?: number;
}

export class OptionalKinds implements AsyncDisposable {
  readonly #options: OptionalOptions;
  readonly #caches = new Map<Kind, Cache & AsyncDisposable>();
  readonly #listeners = new Set<(kind: Kind) => void>();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;

  constructor(options: OptionalOptions) {
    this.#options = options;
    this.#looking = this.#lookForEver();
  }

  cache(kind: Kind): Cache | undefined {
    return this.#caches.get(kind);
  }

  caches(): Iterable<Cache> {
    return this.#caches.values();
  }

  onChange(listener: (kind: Kind) => void): void {
    this.#listeners.add(listener);
  }

  async #lookForEver(): Promise<void> {
    const { clock, lookMs = 30_000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      for (const kind of this.#options.kinds) await this.#look(kind, signal);
      await clock.sleep(lookMs, signal).catch(() => {});
    }
  }

  async #look(kind: Kind, signal: AbortSignal): Promise<void> {
    const { kube, open, onObject, log } = this.#options;
    try {
      const served = await kube.serves(kind, signal);
      const cache = this.#caches.get(kind);
      if (served === (cache !== undefined) || signal.aborted) return;
      log.info({ kind: kind.kind, apiVersion: kind.apiVersion, served }, "a kind of others came or went");
      if (served) {
        const opened = open(kind);
        this.#caches.set(kind, opened);
        await opened.synced;
        opened.onChange(onObject);
      } else {
        this.#caches.delete(kind);
        await cache?.[Symbol.asyncDispose]();
      }
      for (const listener of this.#listeners) listener(kind);
    } catch (error) {
      if (!signal.aborted)
        log.debug({ err: error, kind: kind.kind }, "whether a kind is served is not known now");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#caches.values()].map((cache) => cache[Symbol.asyncDispose]()));
    await this.#looking;
  }
}
