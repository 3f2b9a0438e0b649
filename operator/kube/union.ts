/**
 * Several caches of one kind, each of a namespace of its own, as one: where rights reach only into listed namespaces.
 */
import type { KubeObject } from "./object.ts";
import type { Cache, Change, Namespace } from "./port.ts";

export class UnionCache<T extends KubeObject = KubeObject> implements Cache<T>, AsyncDisposable {
  readonly synced: Promise<void>;
  readonly #parts: ReadonlyMap<string, Cache<T> & AsyncDisposable>;

  /** By namespace. */
  constructor(parts: ReadonlyMap<string, Cache<T> & AsyncDisposable>) {
    this.#parts = parts;
    this.synced = Promise.all([...parts.values()].map(({ synced }) => synced)).then(() => {});
  }

  get(namespace: Namespace, name: string): T | undefined {
    return this.#parts.get(namespace ?? "")?.get(namespace, name);
  }

  *list(namespace?: string): Iterable<T> {
    if (namespace !== undefined) yield* this.#parts.get(namespace)?.list(namespace) ?? [];
    else for (const part of this.#parts.values()) yield* part.list();
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    const ends = [...this.#parts.values()].map((part) => part.onChange(listener));
    return () => {
      for (const end of ends) end();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#parts.values()].map((part) => part[Symbol.asyncDispose]()));
  }
}
