/**
 * Resources and their conditions, short, for the tests that speak with a real API server.
 */
import type { Condition } from "../../crds/types.ts";
import type { KubeObject } from "../../operator/kube/object.ts";

const ours = "mail.postfleet.dev/v1alpha1";
/** Users wait for some seconds; a machine may stand still for ten several times, and then everything is late. */
export const promptMs = 120_000;

export const resource = (
  kind: string,
  namespace: string,
  name: string,
  spec: object,
  more: object = {},
): KubeObject => ({
  apiVersion: ours,
  kind,
  metadata: { name, namespace, ...more },
  spec,
});
export const secret = (
  namespace: string,
  name: string,
  stringData: Readonly<Record<string, string>>,
): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace },
  stringData,
});

export function condition(object: KubeObject, type: string): Condition | undefined {
  const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions.find((one) => one.type === type);
}
export const is = (type: string, status: string, reason?: string) => (object: KubeObject) => {
  const found = condition(object, type);
  return found?.status === status && (reason === undefined || found.reason === reason);
};
export const ready = is("Ready", "True");

export const sizeOf = (deployment: KubeObject): number | undefined =>
  (deployment["spec"] as { readonly replicas?: number } | undefined)?.replicas;

export const containersOf = (deployment: KubeObject) =>
  (
    deployment["spec"] as {
      readonly template: {
        readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
      };
    }
  ).template.spec.containers;
