/**
 * Resources as a test declares them to a cluster, and what it reads from their conditions.
 */
import type { Condition } from "../../crds/types.ts";
import type { KubeObject } from "../../operator/kube/object.ts";

export const resource = (
  kind: string,
  namespace: string,
  name: string,
  spec: object,
  more: object = {},
): KubeObject => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind,
  metadata: { name, namespace, ...more },
  spec,
});

export const secretOf = (
  namespace: string,
  name: string,
  stringData: Readonly<Record<string, string>>,
): KubeObject => ({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData });

export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions.find((one) => one.type === type);
}

export const isReady = (object: KubeObject): boolean => conditionOf(object, "Ready")?.status === "True";
