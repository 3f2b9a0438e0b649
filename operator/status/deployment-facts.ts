/**
 * What a Deployment says of itself, as far as a status tells it on.
 */
import type { KubeObject } from "../kube/object.ts";

export interface DeploymentFacts {
  /** That there shall be. */
  readonly desired: number;
  /** That there are. */
  readonly replicas: number;
  readonly ready: number;
  /** With the pod template of now. */
  readonly updated: number;
  /** What Kubernetes says when pods cannot be made or do not get ready, such as a quota that is used up. */
  readonly failure?: string;
}

interface Deployment {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

export function deploymentFacts(object: KubeObject): DeploymentFacts {
  const { spec, status } = object as KubeObject & Deployment;
  // Until the controller has looked at this generation, it speaks of the pods of the last one.
  const current = (status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
  const failed = status?.conditions?.find(
    ({ type, status: is }) =>
      (type === "ReplicaFailure" && is === "True") || (type === "Progressing" && is === "False"),
  );
  return {
    desired: spec?.replicas ?? 1,
    replicas: status?.replicas ?? 0,
    ready: status?.readyReplicas ?? 0,
    updated: current ? (status?.updatedReplicas ?? 0) : 0,
    ...(failed && current ? { failure: failed.message ?? failed.type } : {}),
  };
}
