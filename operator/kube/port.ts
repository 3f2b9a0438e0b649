/**
 * What the operator asks of Kubernetes. `kube/` implements it with the real API server; reconcilers know only this.
 *
 * Fails:  every call rejects with a `KubeError` for an answer of the API server, or with the cause for a connection that
 *         broke; each takes an `AbortSignal`. Nothing is retried here: the work queue does that, with backoff.
 */
import type { KubeObject } from "./object.ts";

/** How a kind is addressed. */
export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** `undefined` for a cluster-scoped object. */
export type Namespace = string | undefined;

export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface Precondition {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export class KubeError extends Error {
  override readonly name = "KubeError";
  /** The HTTP status. */
  readonly status: number;
  /** As in `metav1.Status`: `NotFound`, `Conflict`, `AlreadyExists`, `Invalid`, `Forbidden`, `TooManyRequests`, `Gone` … */
  readonly reason: string;
  /** How long the server asks to wait, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Kube {
  /** `undefined`: there is none. */
  get<T extends KubeObject>(
    kind: Kind,
    namespace: Namespace,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined>;
  /** All pages. */
  list<T extends KubeObject>(kind: Kind, selection: Selection, signal: AbortSignal): Promise<readonly T[]>;
  create<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T>;
  /** Server-side apply with our field manager, forced: the fields in `object` become ours, all others stay as they are. */
  apply<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T>;
  /** Server-side apply of the `status` subresource. */
  applyStatus<T extends KubeObject>(object: T, signal: AbortSignal): Promise<T>;
  /** JSON merge patch, guarded by `metadata.resourceVersion` when the patch carries one. For finalizers and annotations. */
  patch<T extends KubeObject>(
    kind: Kind,
    namespace: Namespace,
    name: string,
    patch: object,
    signal: AbortSignal,
  ): Promise<T>;
  /** Writes `spec.replicas` through the `scale` subresource. */
  scale(kind: Kind, namespace: string, name: string, replicas: number, signal: AbortSignal): Promise<void>;
  /** `false`: it was gone already. Dependents go in the background. */
  delete(
    kind: Kind,
    namespace: Namespace,
    name: string,
    precondition: Precondition,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** Whether the API server serves this kind now: for CRDs of others that may come and go. */
  serves(kind: Kind, signal: AbortSignal): Promise<boolean>;
}

/** All objects of one kind (and selection), kept true by a watch. */
export interface Cache<T extends KubeObject = KubeObject> {
  /** Resolves when the first complete list has been read; rejects never (it is retried until `signal` of the informer). */
  readonly synced: Promise<void>;
  get(namespace: Namespace, name: string): T | undefined;
  /** Of one namespace, or all. */
  list(namespace?: string): Iterable<T>;
  /** Calls for each object that came, changed or went, and for each object after a relist that found it different. */
  onChange(listener: (change: Change<T>) => void): () => void;
}

export type Change<T extends KubeObject = KubeObject> =
  | { readonly kind: "added"; readonly object: T }
  | { readonly kind: "changed"; readonly object: T; readonly before: T }
  | { readonly kind: "removed"; readonly before: T };

/** Tells people what happened to an object, as `kubectl describe` and `kubectl events` show it; repeated ones are counted. */
export interface Events {
  record(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}

/** One kind's reconciler. `key` is `namespace/name`, or `name` for what has no namespace. */
export interface Reconciler {
  /** Rejects: tried again with backoff. A `PermanentError`: tried again only when something changes. */
  reconcile(key: string, signal: AbortSignal): Promise<Next>;
}

export type Next = { readonly wake: "on-change" } | { readonly wake: "after"; readonly ms: number };

/** Trying again cannot help until the object, or something it refers to, changes. */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
}
