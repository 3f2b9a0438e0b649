/**
 * The objects that we make for a resource or a namespace: found by our labels, brought to what is desired.
 *
 * In:     what is desired, and which of the live objects are meant.
 * Out:    the steps that `plan` finds, carried out in its order; nothing when nothing differs.
 * Fails:  as the port does; what was done stays done, and the next look finds the rest.
 */

import { componentLabel, managedByLabel } from "../desired/names.ts";
import { plan, type Step } from "../desired/plan.ts";
import { mustWait } from "../desired/stagger.ts";
import { fieldManager, kindOf, kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache, Kind, Kube } from "../kube/port.ts";

export interface Converged {
  /** How many objects were changed. */
  readonly steps: number;
  /** Something has to wait for its turn: look again soon. */
  readonly waiting: boolean;
}

const idOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.namespace}/${metadata.name}`;
const isRelay = ({ kind, metadata }: KubeObject): boolean =>
  kind === "Deployment" && metadata.labels?.[componentLabel] === "relay";

export class Children {
  readonly #kube: Kube;
  readonly #caches: () => Iterable<Cache>;

  /** `caches`: of each kind of children that is watched now. */
  constructor(kube: Kube, caches: () => Iterable<Cache>) {
    this.#kube = kube;
    this.#caches = caches;
  }

  /** Objects of ours in the namespace that are meant. */
  live(namespace: string, meant: (object: KubeObject) => boolean): KubeObject[] {
    const found: KubeObject[] = [];
    for (const cache of this.#caches())
      for (const object of cache.list(namespace))
        if (object.metadata.labels?.[managedByLabel] === fieldManager && meant(object)) found.push(object);
    return found;
  }

  /** One of a kind that is watched, by name. */
  find({ apiVersion, kind }: Kind, namespace: string, name: string): KubeObject | undefined {
    for (const cache of this.#caches()) {
      const found = cache.get(namespace, name);
      if (found?.kind === kind && found.apiVersion === apiVersion) return found;
    }
    return undefined;
  }

  async converge(
    desired: readonly KubeObject[],
    live: readonly KubeObject[],
    signal: AbortSignal,
  ): Promise<Converged> {
    const late = new Set(desired.filter((object) => this.#waits(object)).map(idOf));
    const inTurn = (object: KubeObject) => !late.has(idOf(object));
    const steps = plan(desired.filter(inTurn), live.filter(inTurn));
    for (const step of steps) await this.#carryOut(step, signal);
    return { steps: steps.length, waiting: late.size > 0 };
  }

  /** Relays get the image of another version in turns. */
  #waits(object: KubeObject): boolean {
    if (!isRelay(object)) return false;
    const { namespace = "", name } = object.metadata;
    return mustWait(object, this.find(kinds.Deployment, namespace, name), this.#relays());
  }

  *#relays(): Iterable<KubeObject> {
    for (const cache of this.#caches()) for (const object of cache.list()) if (isRelay(object)) yield object;
  }

  async #carryOut(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.do) {
      case "apply":
        await this.#kube.apply(step.object, signal);
        return;
      case "scale": {
        const { namespace = "", name } = step.object.metadata;
        return this.#kube.scale(kindOf(step.object), namespace, name, step.replicas, signal);
      }
      case "delete": {
        const { namespace, name, uid } = step.object.metadata;
        const precondition = uid === undefined ? {} : { uid };
        await this.#kube.delete(kindOf(step.object), namespace, name, precondition, signal);
      }
    }
  }
}
