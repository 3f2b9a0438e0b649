/**
 * Finds the way to the API server, in the order of kubectl: the file that was named, `$KUBECONFIG`, the pod we are in,
 * `~/.kube/config`.
 *
 * Fails:  `NoAccess`, whose message says what to give.
 */
import { access as reachable } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../daemon/kit/clock.ts";
import { type Access, type Env, NoAccess } from "./access.ts";
import { inCluster } from "./in-cluster.ts";
import { fromKubeconfig } from "./kubeconfig.ts";

export async function findAccess(kubeconfig: string | undefined, env: Env, clock: Clock): Promise<Access> {
  const named = kubeconfig || env["KUBECONFIG"];
  if (named) return fromKubeconfig(named, env, clock);
  const pod = await inCluster(env, clock);
  if (pod !== undefined) return pod;
  const home = join(env["HOME"] ?? "/", ".kube/config");
  const exists = await reachable(home).then(
    () => true,
    () => false,
  );
  if (exists) return fromKubeconfig(home, env, clock);
  throw new NoAccess("no API server: give --kubeconfig FILE, set KUBECONFIG, or run in a pod of the cluster");
}
