/**
 * An API server in memory, for the unit tests of reconcilers: what the port promises, and nothing of admission, RBAC or
 * controllers. `test/contract/kube.ts` holds it and the real client to one suite.
 *
 * More than the port: `writes` counts what changed something, `refuse` makes calls fail, `cache` opens a watch.
 */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../../operator/kube/object.ts";
import {
  type Cache,
  type Change,
  type Kind,
  type Kube,
  KubeError,
  type Namespace,
  type Precondition,
  type Selection,
} from "../../../operator/kube/port.ts";
import { merge, mergePatch } from "./apply.ts";

interface Stored {
  object: KubeObject;
  /** What our field manager applied last, apart for the status. */
  applied?: unknown;
  appliedStatus?: unknown;
}

export interface Call {
  readonly verb: string;
  readonly kind: string;
  readonly namespace: Namespace;
  readonly name: string;
}

const pathOf = (namespace: Namespace, name: string): string => `${namespace ?? ""}/${name}`;
const kindOf = ({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): string =>
  `${apiVersion}/${kind}`;

export class MemoryKube implements Kube {
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Map<string, Set<(change: Change) => void>>();
  readonly #absent = new Set<string>();
  #version = 1;
  /** Calls that changed something, oldest first. */
  readonly writes: Call[] = [];
  /** Throws, or not, before a call is carried out. */
  refuse: (call: Call) => void = () => {};

  async get<T extends KubeObject>(kind: Kind, namespace: Namespace, name: string, signal: AbortSignal) {
    this.#enter("get", kind.kind, namespace, name, signal);
    return structuredClone(this.#find(kindOf(kind), namespace, name)?.object) as T | undefined;
  }

  async list<T extends KubeObject>(kind: Kind, selection: Selection, signal: AbortSignal) {
    this.#enter("list", kind.kind, selection.namespace, "", signal);
    return structuredClone([...this.#select(kind, selection)]) as unknown as readonly T[];
  }

  async create<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T> {
    const { kind, metadata } = object;
    this.#enter("create", kind, metadata.namespace, metadata.name, signal);
    if (this.#find(kindOf(object), metadata.namespace, metadata.name))
      throw new KubeError(409, "AlreadyExists", `${kind} ${metadata.name} already exists`);
    return this.#put("create", { object: this.#newborn(object) }) as T;
  }

  async apply<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T> {
    const { kind, metadata } = object;
    this.#enter("apply", kind, metadata.namespace, metadata.name, signal);
    const found = this.#find(kindOf(object), metadata.namespace, metadata.name);
    const { status: _, ...applied } = structuredClone(object) as KubeObject;
    if (!found) return this.#put("apply", { object: this.#newborn(applied), applied }) as T;
    return this.#put("apply", {
      ...found,
      object: merge(found.object, found.applied, applied) as KubeObject,
      applied,
    }) as T;
  }

  async applyStatus<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T> {
    const { kind, metadata } = object;
    this.#enter("applyStatus", kind, metadata.namespace, metadata.name, signal);
    const found = this.#required(object, metadata.namespace, metadata.name);
    const status = merge(found.object["status"], found.appliedStatus, object["status"], "status");
    const next = { ...found.object, status } as KubeObject;
    return this.#put("applyStatus", {
      ...found,
      object: next,
      appliedStatus: structuredClone(object["status"]),
    }) as T;
  }

  async patch<T extends KubeObject>(
    kind: Kind,
    namespace: Namespace,
    name: string,
    patch: object,
    signal: AbortSignal,
  ): Promise<T> {
    this.#enter("patch", kind.kind, namespace, name, signal);
    const found = this.#required(kind, namespace, name);
    const wanted = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
    this.#precondition(found.object, wanted === undefined ? {} : { resourceVersion: wanted });
    return this.#put("patch", { ...found, object: mergePatch(found.object, patch) as KubeObject }) as T;
  }

  async scale(
    kind: Kind,
    namespace: string,
    name: string,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> {
    this.#enter("scale", kind.kind, namespace, name, signal);
    const found = this.#required(kind, namespace, name);
    this.#put("scale", { ...found, object: mergePatch(found.object, { spec: { replicas } }) as KubeObject });
  }

  async delete(
    kind: Kind,
    namespace: Namespace,
    name: string,
    precondition: Precondition,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.#enter("delete", kind.kind, namespace, name, signal);
    const found = this.#find(kindOf(kind), namespace, name);
    if (!found) return false;
    this.#precondition(found.object, precondition);
    const { metadata } = found.object;
    const deletionTimestamp = metadata.deletionTimestamp ?? now();
    this.#put("delete", {
      ...found,
      object: { ...found.object, metadata: { ...metadata, deletionTimestamp } },
    });
    return true;
  }

  async serves(kind: Kind, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return !this.#absent.has(kindOf(kind));
  }

  /** As if the CRD had not been installed. */
  forget(kind: Kind): void {
    this.#absent.add(kindOf(kind));
  }

  /** As the informer does it. */
  cache<T extends KubeObject>(kind: Kind, selection: Selection = {}): Cache<T> & AsyncDisposable {
    const listeners = new Set<(change: Change<T>) => void>();
    const selected = (object: KubeObject) => matches(object, selection);
    const watcher = (change: Change) => {
      const about = change.kind === "removed" ? change.before : change.object;
      if (selected(about)) for (const listener of listeners) listener(change as Change<T>);
    };
    const watchers = this.#watchers.get(kindOf(kind)) ?? new Set();
    this.#watchers.set(kindOf(kind), watchers.add(watcher));
    return {
      synced: Promise.resolve(),
      get: (namespace, name) => {
        const object = this.#find(kindOf(kind), namespace, name)?.object;
        return object && selected(object) ? (object as T) : undefined;
      },
      list: (namespace) =>
        this.#select(kind, namespace === undefined ? selection : { ...selection, namespace }) as Iterable<T>,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      [Symbol.asyncDispose]: async () => void watchers.delete(watcher),
    };
  }

  #enter(verb: string, kind: string, namespace: Namespace, name: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    this.refuse({ verb, kind, namespace, name });
  }

  #find(kind: string, namespace: Namespace, name: string): Stored | undefined {
    return this.#objects.get(kind)?.get(pathOf(namespace, name));
  }

  #required(kind: Pick<KubeObject, "apiVersion" | "kind">, namespace: Namespace, name: string): Stored {
    const found = this.#find(kindOf(kind), namespace, name);
    if (!found) throw new KubeError(404, "NotFound", `${kind.kind} ${name} not found`);
    return found;
  }

  *#select(kind: Kind, selection: Selection): Iterable<KubeObject> {
    for (const { object } of this.#objects.get(kindOf(kind))?.values() ?? [])
      if (matches(object, selection)) yield object;
  }

  #precondition({ metadata, kind }: KubeObject, { uid, resourceVersion }: Precondition): void {
    if (
      (uid ?? metadata.uid) !== metadata.uid ||
      (resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion
    )
      throw new KubeError(409, "Conflict", `${kind} ${metadata.name} is not what it was`);
  }

  #newborn(object: KubeObject): KubeObject {
    const { status: _, ...rest } = structuredClone(object) as KubeObject;
    const metadata = { ...rest.metadata, uid: crypto.randomUUID(), creationTimestamp: now(), generation: 0 };
    return { ...rest, metadata } as KubeObject;
  }

  /** Stores it if it differs, and tells the watchers. */
  #put(verb: string, next: Stored): KubeObject {
    const { metadata } = next.object;
    const kind = kindOf(next.object);
    const path = pathOf(metadata.namespace, metadata.name);
    const objects = this.#objects.get(kind) ?? new Map<string, Stored>();
    this.#objects.set(kind, objects);
    const before = objects.get(path);
    if (before && isDeepStrictEqual(before.object, next.object)) {
      objects.set(path, next);
      return structuredClone(before.object);
    }
    this.writes.push({ verb, kind: next.object.kind, namespace: metadata.namespace, name: metadata.name });
    const sameSpec = before && isDeepStrictEqual(desiredOf(before.object), desiredOf(next.object));
    const generation = (before?.object.metadata.generation ?? 0) + (sameSpec ? 0 : 1);
    const object = {
      ...next.object,
      metadata: { ...metadata, generation, resourceVersion: String(++this.#version) },
    };
    const gone = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
    if (gone) objects.delete(path);
    else objects.set(path, { ...next, object });
    this.#tell(kind, before?.object, gone ? undefined : object);
    if (gone) this.#collect(metadata.uid);
    return structuredClone(object);
  }

  #tell(kind: string, before: KubeObject | undefined, object: KubeObject | undefined): void {
    const change: Change | undefined = object
      ? before
        ? { kind: "changed", object, before }
        : { kind: "added", object }
      : before && { kind: "removed", before };
    if (change) for (const watcher of this.#watchers.get(kind) ?? []) queueMicrotask(() => watcher(change));
  }

  /** What the garbage collector does to those that the object owned. */
  #collect(uid: string | undefined): void {
    const owned = [...this.#objects.values()].flatMap((objects) =>
      [...objects.values()].filter(({ object }) =>
        object.metadata.ownerReferences?.some((owner) => owner.uid === uid),
      ),
    );
    for (const { object } of owned) {
      const metadata = { ...object.metadata, deletionTimestamp: now() };
      this.#put("collect", { object: { ...object, metadata } });
      this.writes.pop();
    }
  }
}

const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

/** All that counts for `metadata.generation`. */
const desiredOf = ({ metadata: _, status: __, ...rest }: KubeObject): object => rest;

function matches({ metadata }: KubeObject, { namespace, labelSelector, fieldSelector }: Selection): boolean {
  if (namespace !== undefined && metadata.namespace !== namespace) return false;
  const terms = (text: string | undefined) =>
    (text ?? "")
      .split(",")
      .filter(Boolean)
      .map((term) => term.split("="));
  return (
    terms(labelSelector).every(([label = "", value]) =>
      value === undefined ? label in (metadata.labels ?? {}) : metadata.labels?.[label] === value,
    ) && terms(fieldSelector).every(([field, value]) => field === "metadata.name" && metadata.name === value)
  );
}
