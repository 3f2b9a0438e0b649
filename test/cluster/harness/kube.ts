/**
 * What the suite asks of the cluster: objects as JSON, waiting for what nobody announces, killing pods.
 */
import { readdir, readFile } from "node:fs/promises";
import { untilTrue } from "../../harness/until.ts";
import { tool } from "./tools.ts";

export interface Item {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
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

/** Resolves when every pod that is concerned knows the resource as it is now. */
export async function known(kind: string, namespace: string, name: string): Promise<void> {
  const generation = await field("{.metadata.generation}", kind, "-n", namespace, name);
  const programmed = '{.status.conditions[?(@.type=="Programmed")]}';
  await untilTrue(
    `${kind} ${name} to be known to every pod`,
    async () => {
      const { status, observedGeneration } = JSON.parse(
        (await field(programmed, kind, "-n", namespace, name)) || "{}",
      );
      return status === "True" && String(observedGeneration) === generation;
    },
    120_000,
  );
}

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

export interface Killed {
  readonly pod: string;
  /** Resolves when it serves again. */
  readonly back: Promise<unknown>;
}

/** SIGKILL, from outside, to everything that runs in one pod of a role. */
export async function kill(component: string, namespace: string): Promise<Killed> {
  const victim = (await podsOf(component, namespace)).find(isReady);
  if (!victim) throw new Error(`there is no ready ${component} to kill`);
  const { name, uid } = victim.metadata;
  const before = restarts(victim);
  const pids = await processesOf(uid);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  const back = untilTrue(
    `${name} to serve again`,
    async () => {
      const pods = await podsOf(component, namespace);
      const now = pods.find(({ metadata }) => metadata.uid === uid);
      const again = now === undefined || (restarts(now) > before && isReady(now));
      return again && pods.some(isReady);
    },
    180_000,
  );
  return { pod: name, back };
}

const restarts = ({ status }: Item): number =>
  (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);

/** On this machine, in the control group of the pod; not the one that only holds its network open. */
async function processesOf(uid: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((each) => /^\d+$/.test(each))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const group = await read("cgroup");
    if (!group.includes(uid) && !group.includes(uid.replaceAll("-", "_"))) continue;
    if (!(await read("cmdline")).startsWith("/pause")) found.push(Number(pid));
  }
  if (found.length === 0) throw new Error(`no process of pod ${uid} is on this machine`);
  return found;
}

/** At least as many pods of a role are ready. */
export const settled = (
  component: string,
  count: number,
  namespace?: string,
  limitMs = 180_000,
): Promise<true> =>
  untilTrue(
    `${count} ready ${component} pods`,
    async () => (await podsOf(component, namespace)).filter(isReady).length >= count,
    limitMs,
  );

/** Every Deployment and StatefulSet of a namespace runs what its template says. */
export async function rolledOut(namespace: string): Promise<void> {
  for (const name of (await kubectl("get", "deploy,sts", "-n", namespace, "-o", "name"))
    .split("\n")
    .filter(Boolean))
    await kubectl("rollout", "status", "-n", namespace, name, "--timeout", "240s");
}
