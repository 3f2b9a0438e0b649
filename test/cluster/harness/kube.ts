/**
 * What the suite asks of the cluster: objects as JSON, waiting for what nobody announces, killing pods.
 */
import { untilTrue } from "../../harness/until.ts";
import { tool } from "./tools.ts";

export interface Item {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly podIP?: string;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

export const kubectl = (...args: readonly string[]): Promise<string> => tool(["kubectl", ...args]);
export const apply = (documents: string): Promise<string> =>
  tool(["kubectl", "apply", "-f", "-"], { input: documents });

export async function items(...args: readonly string[]): Promise<readonly Item[]> {
  const text = await kubectl("get", ...args, "-o", "json");
  return (JSON.parse(text) as { items: readonly Item[] }).items;
}

export const field = (path: string, ...args: readonly string[]): Promise<string> =>
  kubectl("get", ...args, "-o", `jsonpath=${path}`);

/** Names of namespaces; every object in them with a Ready condition, `kind/name` each. */
export const ready = (namespace: string, ...names: readonly string[]): Promise<string> =>
  kubectl("wait", "-n", namespace, "--for", "condition=Ready", "--timeout", "180s", ...names);

export const isReady = ({ metadata, status }: Item): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

const ours = "app.kubernetes.io/name=postfleet";

export const podsOf = (component: string, namespace?: string): Promise<readonly Item[]> =>
  items(
    "pods",
    ...(namespace === undefined ? ["-A"] : ["-n", namespace]),
    "-l",
    `${ours},app.kubernetes.io/component=${component}`,
  );

/** SIGKILL at once, and nothing is told to the API server's other clients before. */
export async function kill(component: string, namespace?: string): Promise<string> {
  const [victim] = (await podsOf(component, namespace)).filter(isReady);
  if (!victim) throw new Error(`there is no ready ${component} to kill`);
  const { name, namespace: where } = victim.metadata;
  await kubectl("delete", "pod", "-n", where, name, "--grace-period=0", "--force");
  return `${component} ${name}`;
}

/** As many pods of a role as are wanted are ready, and no others are left. */
export const settled = (
  component: string,
  count: number,
  namespace?: string,
  limitMs = 180_000,
): Promise<true> =>
  untilTrue(
    `${count} ready ${component} pods`,
    async () => {
      const pods = await podsOf(component, namespace);
      return pods.length === count && pods.every(isReady);
    },
    limitMs,
  );

/** Every Deployment and StatefulSet of a namespace runs what its template says. */
export async function rolledOut(namespace: string): Promise<void> {
  for (const name of (await kubectl("get", "deploy,sts", "-n", namespace, "-o", "name"))
    .split("\n")
    .filter(Boolean))
    await kubectl("rollout", "status", "-n", namespace, name, "--timeout", "240s");
}
