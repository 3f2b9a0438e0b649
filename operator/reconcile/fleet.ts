/**
 * The daemons as they are now: which pods are ready, and which revision of the directory each has loaded.
 *
 * In:     a watch of the pods with our labels, and what the daemons acknowledge.
 * Out:    `progress(scope, revision)`: how many of the ready pods know a revision; `onProgress` when that may have
 *         changed. A pod is named by namespace and name; one that never acknowledged anything has loaded nothing.
 * Scope:  the namespace in which the pods are, and their component.
 */
import { componentLabel, labelValue, policyLabel } from "../desired/names.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache } from "../kube/port.ts";

export interface Ack {
  readonly pod: string;
  readonly namespace: string;
  readonly revision: number;
}

export interface Acks {
  current(): Iterable<Ack>;
  /** Calls after each change; returns what ends it. */
  onChange(listener: () => void): () => void;
}

/** What is read of a Pod. */
export interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Progress {
  readonly ready: number;
  /** Of those that are ready. */
  readonly loaded: number;
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

/** Changes within this are one, ms. */
const togetherMs = 20;

export class Fleet implements AsyncDisposable {
  readonly #pods: Cache<Pod>;
  readonly #acks: Acks;
  readonly #listeners = new Set<() => void>();
  readonly #ends: (() => void)[];
  #revisions: ReadonlyMap<string, number> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(pods: Cache<Pod>, acks: Acks) {
    this.#pods = pods;
    this.#acks = acks;
    this.#ends = [pods.onChange(() => this.#changed()), acks.onChange(() => this.#changed())];
  }

  /** `policy`: only the relays of this one. */
  progress(namespace: string, components: readonly string[], revision: number, policy?: string): Progress {
    const label = policy === undefined ? undefined : labelValue(policy);
    let ready = 0;
    let loaded = 0;
    for (const pod of this.#pods.list(namespace)) {
      const { labels = {} } = pod.metadata;
      if (!components.includes(labels[componentLabel] ?? "") || !isReady(pod)) continue;
      if (label !== undefined && labels[policyLabel] !== label) continue;
      ready++;
      if (this.revisionOf(namespace, pod.metadata.name) >= revision) loaded++;
    }
    return { ready, loaded };
  }

  /** 0: it has acknowledged nothing. */
  revisionOf(namespace: string, pod: string): number {
    this.#revisions ??= new Map(
      [...this.#acks.current()].map((ack) => [`${ack.namespace}/${ack.pod}`, ack.revision] as const),
    );
    return this.#revisions.get(`${namespace}/${pod}`) ?? 0;
  }

  /** Calls when pods became ready or unready, or have loaded something. */
  onProgress(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #changed(): void {
    this.#revisions = undefined;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const listener of this.#listeners) listener();
    }, togetherMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    clearTimeout(this.#timer);
  }
}
