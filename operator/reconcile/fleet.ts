/**
 * The daemons as they are now: which pods are ready, and which revision of the directory each has loaded.
 *
 * In:     a watch of the pods with our labels, and what the daemons acknowledge.
 * Out:    `progress`: how many of the ready pods know a revision. `expect` names somebody who waits until all do, and is
 *         told once by `onLoaded`; `onPods` tells when pods became ready or went.
 * A pod is named by namespace and name; one that never acknowledged anything has loaded nothing.
 */
import { componentLabel, labelValue, policyLabel } from "../desired/names.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache } from "../kube/port.ts";

export interface Ack {
  readonly pod: string;
  readonly namespace: string;
  readonly revision: number;
  /** Content filters that do not answer it. */
  readonly filters?: readonly string[];
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

/** Whose knowledge of what is meant. */
export interface Need {
  /** Where the pods are. */
  readonly namespace: string;
  readonly components: readonly string[];
  /** Only the relays of this one. */
  readonly policy?: string;
  readonly revision: number;
  /** There must be one at least. */
  readonly some?: true;
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
  readonly #onPods = new Set<(ready: string) => void>();
  readonly #onLoaded = new Set<(who: string) => void>();
  readonly #expected = new Map<string, readonly Need[]>();
  readonly #ends: (() => void)[];
  #revisions: ReadonlyMap<string, number> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(pods: Cache<Pod>, acks: Acks) {
    this.#pods = pods;
    this.#acks = acks;
    this.#ends = [pods.onChange(() => this.#changed()), acks.onChange(() => this.#changed())];
  }

  progress({ namespace, components, policy, revision }: Need): Progress {
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

  /** `who` is told once, when every ready pod has what it needs of them. Replaces what was expected before. */
  expect(who: string, needs: readonly Need[]): void {
    this.#expected.set(who, needs);
  }

  /** The same as `progress` of all together; whoever lacks something is expected from then on. */
  follow(who: string, needs: readonly Need[]): Progress {
    const each = needs.map((need) => ({ need, ...this.progress(need) }));
    const complete = each.every(
      ({ need, ready, loaded }) => loaded >= ready && (ready > 0 || need.some === undefined),
    );
    if (complete) this.forget(who);
    else this.expect(who, needs);
    return {
      ready: each.reduce((sum, { ready }) => sum + ready, 0),
      loaded: each.reduce((sum, { loaded }) => sum + loaded, 0),
    };
  }

  /** Nothing is waited for any more. */
  forget(who: string): void {
    this.#expected.delete(who);
  }

  /** 0: it has acknowledged nothing. */
  revisionOf(namespace: string, pod: string): number {
    this.#revisions ??= new Map(
      [...this.#acks.current()].map((ack) => [`${ack.namespace}/${ack.pod}`, ack.revision] as const),
    );
    return this.#revisions.get(`${namespace}/${pod}`) ?? 0;
  }

  onLoaded(listener: (who: string) => void): void {
    this.#onLoaded.add(listener);
  }

  /** Calls with the names of those that are ready. */
  onPods(listener: (ready: string) => void): void {
    this.#onPods.add(listener);
  }

  #changed(): void {
    this.#revisions = undefined;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, togetherMs);
  }

  #tell(): void {
    const known = new Map<string, Progress>();
    const isMet = (need: Need): boolean => {
      const id = JSON.stringify(need);
      const { ready, loaded } = known.get(id) ?? this.progress(need);
      known.set(id, { ready, loaded });
      return loaded >= ready && (ready > 0 || need.some === undefined);
    };
    for (const [who, needs] of this.#expected) {
      if (!needs.every(isMet)) continue;
      this.#expected.delete(who);
      for (const listener of this.#onLoaded) listener(who);
    }
    const ready = [...this.#pods.list()].filter(isReady);
    const names = ready.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();
    for (const listener of this.#onPods) listener(names.join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    clearTimeout(this.#timer);
  }
}
