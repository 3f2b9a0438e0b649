/**
 * Which resources of a kind are Ready, and since when: what somebody would see who watches them.
 */
import { systemClock } from "../../../daemon/kit/clock.ts";
import { silent } from "../../../daemon/kit/log.ts";
import { Informer } from "../../../operator/kube/informer.ts";
import { kinds } from "../../../operator/kube/kinds.ts";
import type { KubeObject } from "../../../operator/kube/object.ts";
import type { Kind } from "../../../operator/kube/port.ts";
import { ready } from "../../harness/kube-resources.ts";
import type { Cluster } from "../../harness/operator.ts";

export class Watching implements AsyncDisposable {
  readonly #informer: Informer;
  /** ms, on the clock of `performance`. */
  readonly #since = new Map<string, number>();

  /** When one of them changed last, on the same clock. */
  lastChange = 0;
  /** Called with each that has become Ready. */
  onReady: (object: KubeObject) => void = () => {};

  constructor(cluster: Cluster, kind: Kind = kinds.MailDomain) {
    const surroundings = { clock: systemClock, chance: Math.random, log: silent };
    this.#informer = new Informer(cluster.kube, kind, { ...surroundings, transform: slim });
    this.#informer.onChange((change) => {
      this.lastChange = performance.now();
      const object = change.kind === "removed" ? change.before : change.object;
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      if (change.kind === "removed" || !ready(object)) this.#since.delete(key);
      else if (!this.#since.has(key)) {
        this.#since.set(key, performance.now());
        this.onReady(object);
      }
    });
  }

  get count(): number {
    return this.#since.size;
  }

  /** `undefined`: it is not Ready now. */
  readySince(key: string): number | undefined {
    return this.#since.get(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#informer[Symbol.asyncDispose]();
  }
}

const slim = (object: KubeObject): KubeObject => {
  const { conditions } = (object["status"] ?? {}) as { readonly conditions?: unknown };
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata, status: { conditions } };
};
