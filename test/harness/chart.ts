/**
 * Parts of the chart as they are recorded (`test/golden/chart`): what an installation gives the operator, and what it asks
 * of the API server.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { KubeApi } from "./kube-api.ts";
import { release } from "./operator.ts";
import { root } from "./source.ts";

const recorded = async (name: string): Promise<readonly KubeObject[]> => {
  const text = await readFile(join(root, "test/golden/chart", `${name}.yaml`), "utf8");
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? []);
};

/** Roles and bindings of the release, with the chart's defaults. */
export const chartRoles = async (): Promise<readonly KubeObject[]> =>
  (await recorded("default")).filter(
    ({ kind, metadata }) => /^(Cluster)?Role(Binding)?$/.test(kind) && metadata.name.startsWith(release.name),
  );

/** New MailDomains and RelayPolicies have the finalizer from the beginning. */
export const finalizersOnCreate = (): Promise<readonly KubeObject[]> => recorded("finalizers");

/** A kubeconfig of the operator's own account, with the rights that the chart gives it. */
export async function operatorAccount(api: KubeApi): Promise<string> {
  await api.kubectlApply(...(await chartRoles()));
  return api.serviceAccount(release.namespace, `${release.name}-operator`);
}
