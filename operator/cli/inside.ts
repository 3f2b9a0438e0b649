/**
 * Commands that look and steer run inside a pod of ours, where they ask the daemon's API at its socket: nothing has to be
 * opened to the outside, and no token is given out. The right that is needed is `create` on `pods/exec`; what the answer
 * sees is what the pod's NATS user sees.
 */
import { containerName } from "../desired/pod.ts";
import { getAll, type Kubectl, PluginError } from "./kubectl.ts";
import type { PodObject } from "./status.ts";

const ours = "app.kubernetes.io/name=postfleet";

export interface Place {
  /** Pods of this namespace only. */
  readonly namespace: string | undefined;
  /** Pods of this one, if any run there: what is asked is about it. */
  readonly about: string | undefined;
}

/**
 * A pod that can answer: of the shared set, or of the namespace that is meant. Where each namespace has pods of its own, one
 * of them sees no other's: which it is to be must be said.
 */
async function findPod(
  kubectl: Kubectl,
  { namespace, about }: Place,
  signal: AbortSignal,
): Promise<PodObject> {
  const where = namespace === undefined ? ["--all-namespaces"] : ["--namespace", namespace];
  const selector = `${ours},app.kubernetes.io/component in (gateway,mailbox)`;
  const pods = await getAll<PodObject>(kubectl, ["pods", ...where, "-l", selector], signal);
  const everywhere = pods.filter(
    ({ status, metadata }) => status?.phase === "Running" && metadata.deletionTimestamp === undefined,
  );
  const near = everywhere.filter(({ metadata }) => metadata.namespace === about);
  const running = near.length > 0 ? near : everywhere;
  const spaces = [...new Set(running.map(({ metadata }) => metadata.namespace ?? "default"))].sort();
  if (spaces.length > 1)
    throw new PluginError(
      `gateways run in the namespaces ${spaces.join(", ")}, and one sees nothing of the others: say which with -n`,
      2,
    );
  const ready = running.find(({ status }) =>
    status?.conditions?.some(({ type, status: state }) => type === "Ready" && state === "True"),
  );
  const pod = ready ?? running[0];
  if (pod === undefined)
    throw new PluginError(
      `no pod of a gateway runs ${namespace ? `in namespace ${namespace}` : "in this cluster"}: name the namespace of the release with -n, or ask kubectl postfleet status why`,
    );
  return pod;
}

/** Hands input and output over to `postfleet COMMAND` in the pod; resolves with its exit code. */
export async function runInside(
  kubectl: Kubectl,
  place: Place,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { metadata } = await findPod(kubectl, place, signal);
  const namespace = ["--namespace", metadata.namespace ?? "default"];
  const container = ["--container", containerName];
  return kubectl.hand(
    ["exec", metadata.name, ...namespace, ...container, "--", "postfleet", ...command],
    signal,
  );
}
