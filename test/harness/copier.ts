/**
 * The smallest operator there is: every ConfigMap labelled `role: parent` gets a twin `<name>-copy` with the same data,
 * repaired when somebody edits or deletes it, and gone when the parent is. Built as the real one: informer, queue, apply.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { type Log, silent } from "../../daemon/kit/log.ts";
import type { KubeClient } from "../../operator/kube/client.ts";
import { Informer, type InformerLimits } from "../../operator/kube/informer.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Kube, Next } from "../../operator/kube/port.ts";
import { WorkQueue } from "../../operator/kube/work-queue.ts";

export interface Copier extends AsyncDisposable {
  readonly maps: Informer;
  readonly queue: WorkQueue;
}

export interface CopierOptions {
  readonly client: KubeClient;
  /** What it writes with, if not with the client. */
  readonly writer?: Kube;
  readonly namespace: string;
  readonly limits?: Partial<InformerLimits>;
  readonly onTrouble?: (reason: string) => void;
  readonly log?: Log;
}

export const copyOf = (name: string): string => `${name}-copy`;
const parentOf = (name: string): string => name.replace(/-copy$/, "");

export function parent(
  namespace: string,
  name: string,
  data: Record<string, string>,
  labels = {},
): KubeObject {
  const metadata = { namespace, name, labels: { role: "parent", ...labels } };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

export async function startCopier(options: CopierOptions): Promise<Copier> {
  const { client, writer = client, namespace, log = silent } = options;
  const surroundings = { clock: systemClock, chance: Math.random, log };
  const maps = new Informer(client, kinds.ConfigMap, {
    ...surroundings,
    selection: { namespace },
    ...options,
  });
  const reconcile = async (name: string, signal: AbortSignal): Promise<Next> => {
    const original = maps.get(namespace, name);
    const copy = maps.get(namespace, copyOf(name));
    if (original?.metadata.labels?.["role"] !== "parent") {
      if (copy !== undefined) await writer.delete(kinds.ConfigMap, namespace, copyOf(name), {}, signal);
    } else if (JSON.stringify(copy?.["data"]) !== JSON.stringify(original["data"])) {
      const labels = original.metadata.labels["wish"] ? { wish: original.metadata.labels["wish"] } : {};
      // A parent may wish for what the API server refuses.
      const annotations = labels.wish === "impossible" ? { "no such key": "" } : {};
      const metadata = { namespace, name: copyOf(name), annotations };
      const twin = { apiVersion: "v1", kind: "ConfigMap", metadata, data: original["data"] };
      await writer.apply(twin, signal);
    }
    return { wake: "on-change" };
  };
  const queue = new WorkQueue({ ...surroundings, name: "Copy", reconciler: { reconcile }, workers: 4 });
  maps.onChange((change) => {
    const { name } = (change.kind === "removed" ? change.before : change.object).metadata;
    queue.add(parentOf(name));
  });
  await maps.synced;
  for (const { metadata } of maps.list()) queue.add(parentOf(metadata.name), "low");
  queue.start();
  return {
    maps,
    queue,
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      await maps[Symbol.asyncDispose]();
    },
  };
}
