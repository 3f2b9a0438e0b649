/**
 * Access from inside a pod: the service's address from the environment, the service account from the mounted folder.
 */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../../daemon/kit/clock.ts";
import { type Access, type Env, NoAccess } from "./access.ts";
import { TokenFile } from "./token-file.ts";

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** `undefined`: this is no pod. */
export async function inCluster(env: Env, clock: Clock, folder = FOLDER): Promise<Access | undefined> {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (!host || !port) return undefined;
  const token = new TokenFile(join(folder, "token"), clock);
  const ca = await readFile(join(folder, "ca.crt"), "utf8").catch((cause: unknown) => {
    throw new NoAccess(
      `this pod has no service account in ${folder}: set automountServiceAccountToken: true, or give --kubeconfig`,
      { cause },
    );
  });
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    trust: { ca, serverName: undefined, unverified: false },
    namespace: await readFile(join(folder, "namespace"), "utf8").then(
      (text) => text.trim(),
      () => undefined,
    ),
    credential: async () => ({ token: await token.token() }),
    refused: () => token.forget(),
  };
}
