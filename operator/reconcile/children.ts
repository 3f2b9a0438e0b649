/**
 * The objects that we make for a resource or a namespace: found by our labels, brought to what is desired.
 *
 * In:     what is desired, and which of the live objects are meant.
 * Out:    the steps that `plan` finds, carried out in its order; nothing when nothing differs.
 * Fails:  as the port does; what was done stays done, and the next look finds the rest.
 */

import { managedByLabel } from "../desired/names.ts";
import { plan, type Step } from "../desired/plan.ts";
import { kindOf } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache, Kind, Kube } from "../kube/port.ts";
import { fieldManager } from "./resources.ts";

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

  /** How many objects were changed. */
  async converge(
    desired: readonly KubeObject[],
    live: readonly KubeObject[],
    signal: AbortSignal,
  ): Promise<number> {
    const steps = plan(desired, live);
    for (const step of steps) await this.#carryOut(step, signal);
    return steps.length;
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
