/**
 * Parts of the chart as they are recorded (`test/golden/chart`): what an installation gives the operator, and what it asks
 * of the API server.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { KubeError } from "../../operator/kube/port.ts";
import type { KubeApi } from "./kube-api.ts";
import { resource } from "./kube-resources.ts";
import { release, soon } from "./operator.ts";
import { root } from "./source.ts";
import { until } from "./until.ts";

const recorded = async (name: string): Promise<readonly KubeObject[]> => {
  const text = await readFile(join(root, "test/golden/chart", `${name}.yaml`), "utf8");
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? []);
};

/** Roles and bindings of the release, with the chart's defaults. */
export const chartRoles = async (): Promise<readonly KubeObject[]> =>
  (await recorded("default")).filter(
    ({ kind, metadata }) => /^(Cluster)?Role(Binding)?$/.test(kind) && metadata.name.startsWith(release.name),
  );

/**
 * From now on new MailDomains and RelayPolicies have the finalizer from the beginning. The API server hears of policies and of
 * our kinds a moment later, and answers 503 meanwhile.
 */
export async function finalizersOnCreate(api: KubeApi): Promise<void> {
  await api.kubectlApply(...(await recorded("finalizers")));
  const kube = await api.open();
  let count = 0;
  await until("the API server to add finalizers", async () => {
    const probe = resource("RelayPolicy", "default", `probe-${++count}`, {});
    const made = await kube.create(probe, AbortSignal.timeout(10_000)).catch(unlessUnavailable);
    if (!made) return undefined;
    await kube.patch(
      kinds.RelayPolicy,
      "default",
      probe.metadata.name,
      { metadata: { finalizers: [] } },
      soon(),
    );
    await kube.delete(kinds.RelayPolicy, "default", probe.metadata.name, {}, soon());
    return made.metadata.finalizers;
  });
}

function unlessUnavailable(error: unknown): undefined {
  if (!(error instanceof KubeError && error.status === 503)) throw error;
}

/** A kubeconfig of the operator's own account, with the rights that the chart gives it. */
export async function operatorAccount(api: KubeApi): Promise<string> {
  await api.kubectlApply(...(await chartRoles()));
  return api.serviceAccount(release.namespace, `${release.name}-operator`);
}
