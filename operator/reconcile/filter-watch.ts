/**
 * Which content filters do not answer the gateways, by what these acknowledge beside the directory's revision.
 *
 * In:     acknowledgements and the pods that are ready.
 * Out:    `failing`: of some filters, by how many of how many gateways in a namespace they were found not to answer.
 *         `onChange` tells which filters are found otherwise than before.
 * A pod that is not ready, or is no gateway, is not heard: what it found may be long ago.
 */
import { componentLabel } from "../desired/names.ts";
import type { Cache } from "../kube/port.ts";
import { type Acks, isReady, type Pod } from "./fleet.ts";

export interface FilterTrouble {
  /** The server, as `filterEntries` names it. */
  readonly filter: string;
  /** Gateways that it does not answer … */
  readonly pods: number;
  /** … and gateways that there are. */
  readonly of: number;
}

export class FilterWatch implements Disposable {
  readonly #pods: Cache<Pod>;
  readonly #acks: Acks;
  readonly #end: () => void;
  #known: ReadonlyMap<string, string>;

  constructor(pods: Cache<Pod>, acks: Acks, onChange: (filters: ReadonlySet<string>) => void) {
    this.#pods = pods;
    this.#acks = acks;
    this.#known = this.#picture();
    this.#end = acks.onChange(() => {
      const now = this.#picture();
      const all = new Set([...this.#known.keys(), ...now.keys()]);
      const others = new Set([...all].filter((filter) => this.#known.get(filter) !== now.get(filter)));
      this.#known = now;
      if (others.size > 0) onChange(others);
    });
  }

  failing(namespace: string, filters: ReadonlySet<string>): readonly FilterTrouble[] {
    const gateways = new Set<string>();
    for (const pod of this.#pods.list(namespace))
      if (pod.metadata.labels?.[componentLabel] === "gateway" && isReady(pod))
        gateways.add(pod.metadata.name);
    const found = new Map<string, FilterTrouble>();
    for (const ack of this.#acks.current()) {
      if (ack.namespace !== namespace || !gateways.has(ack.pod)) continue;
      for (const filter of ack.filters ?? []) {
        if (!filters.has(filter)) continue;
        const before = found.get(filter)?.pods ?? 0;
        found.set(filter, { filter, pods: before + 1, of: gateways.size });
      }
    }
    return [...found.values()];
  }

  /** By filter: who finds that it does not answer. */
  #picture(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const { namespace, pod, filters = [] } of this.#acks.current())
      for (const filter of filters) found.set(filter, `${found.get(filter) ?? ""} ${namespace}/${pod}`);
    return found;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
