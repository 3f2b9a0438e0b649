/**
 * Objects by namespace and name.
 */
import type { KubeObject } from "./object.ts";
import type { Namespace } from "./port.ts";

export class ObjectStore<T extends KubeObject> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(namespace: Namespace, name: string): T | undefined {
    return this.#namespaces.get(namespace ?? "")?.get(name);
  }

  /** Returns what was there before. */
  set(object: T): T | undefined {
    const { namespace = "", name } = object.metadata;
    const names = this.#namespaces.get(namespace) ?? new Map<string, T>();
    this.#namespaces.set(namespace, names);
    const before = names.get(name);
    names.set(name, object);
    if (before === undefined) this.#size++;
    return before;
  }

  delete({ metadata: { namespace = "", name } }: KubeObject): T | undefined {
    const names = this.#namespaces.get(namespace);
    const before = names?.get(name);
    if (names === undefined || before === undefined) return undefined;
    names.delete(name);
    if (names.size === 0) this.#namespaces.delete(namespace);
    this.#size--;
    return before;
  }

  *list(namespace?: string): Iterable<T> {
    if (namespace !== undefined) yield* this.#namespaces.get(namespace)?.values() ?? [];
    else for (const names of this.#namespaces.values()) yield* names.values();
  }
}
