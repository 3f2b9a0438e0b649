/**
 * Who is to be looked at again, and when: one work queue a subject, and the sweep over all of them.
 *
 * In:     `wake` from everywhere; which pods are ready.
 * Out:    keys in work queues. When pods come and go, what resources say of them is brought up to date in one sweep, once
 *         the pods have been stable for a while: a roll-out must not rewrite ten thousand statuses at each step.
 */
import type { KubeObject } from "../kube/object.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { ResourceCaches, Subject, Urgency, Wake } from "./relations.ts";
import { keyOf } from "./resources.ts";

type Queue = Pick<WorkQueue, "add" | "idle" | "isIdle" | "figures">;

/** So many that what one of them costs is felt by the others. */
const crowd = 100;

export class Wakes implements Disposable {
  readonly #queues = new Map<Subject, Queue>();
  readonly #caches: ResourceCaches;
  readonly #stableMs: number;
  #timer: NodeJS.Timeout | undefined;
  #swept: string | undefined;

  constructor(caches: ResourceCaches, stableMs = 30_000) {
    this.#caches = caches;
    this.#stableMs = stableMs;
  }

  serve(subject: Subject, queue: Queue): void {
    this.#queues.set(subject, queue);
  }

  readonly wake: Wake = (subject, key, urgency) => this.#queues.get(subject)?.add(key, urgency);

  /** Nobody waits for a turn. */
  get isCalm(): boolean {
    return [...this.#queues.values()].every(({ isIdle }) => isIdle);
  }

  /** Many wait for a turn. */
  get isCrowded(): boolean {
    let waiting = 0;
    for (const { figures } of this.#queues.values()) waiting += figures.high + figures.low;
    return waiting > crowd;
  }

  /** Resolves when nobody waits for a turn. */
  async calm(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.idle()));
  }

  all(urgency: Urgency): void {
    for (const [subject, cache] of this.#everything())
      for (const object of cache.list()) this.wake(subject, keyOf(object), urgency);
  }

  each(wanted: Subject, urgency: Urgency): void {
    for (const [subject, cache] of this.#everything())
      if (subject === wanted) for (const object of cache.list()) this.wake(subject, keyOf(object), urgency);
  }

  in(namespace: string, urgency: Urgency): void {
    for (const [subject, cache] of this.#everything())
      for (const object of cache.list(namespace)) this.wake(subject, keyOf(object), urgency);
  }

  /** `readyPods` names those that are ready now. */
  podsChanged(readyPods: string): void {
    this.#swept ??= readyPods;
    clearTimeout(this.#timer);
    if (readyPods === this.#swept) return;
    this.#timer = setTimeout(() => {
      this.#swept = readyPods;
      this.all("low");
    }, this.#stableMs);
  }

  *#everything(): Iterable<[Subject, { list(namespace?: string): Iterable<KubeObject> }]> {
    yield ["RelayPolicy", this.#caches.policies];
    yield ["MailDomain", this.#caches.domains];
    yield ["Mailbox", this.#caches.mailboxes];
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#queues.clear();
  }
}
