/**
 * After an upgrade every relay is to have a new image. They take turns, so that the cluster need not hold a second pod of
 * each at once, and an image that does not work stops a few of them only.
 *
 * In:     a Deployment as it shall be and as it is, and all relays' Deployments.
 * Out:    whether it has to wait. Only a change of image waits: what people change in a policy takes effect at once. One
 *         that is being rolled out never waits, so that a better image reaches those that a bad one has stopped; a
 *         roll-out that Kubernetes has given up (after ten minutes) holds nobody back.
 */
import type { KubeObject } from "../kube/object.ts";
import { containerName } from "./pod.ts";

export const rollsAtOnce = 5;

interface Deployment {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[] };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export function mustWait(
  wanted: KubeObject,
  live: KubeObject | undefined,
  relays: Iterable<KubeObject>,
): boolean {
  if (!live || imageOf(live) === imageOf(wanted) || isRolling(live)) return false;
  let rolling = 0;
  for (const relay of relays) if (isRolling(relay) && ++rolling >= rollsAtOnce) return true;
  return false;
}

const imageOf = (object: KubeObject): string | undefined =>
  (object as KubeObject & Deployment).spec?.template?.spec?.containers?.find(
    ({ name }) => name === containerName,
  )?.image;

export function isRolling(object: KubeObject): boolean {
  const { spec, status = {} } = object as KubeObject & Deployment;
  if ((status.observedGeneration ?? 0) < (object.metadata.generation ?? 0)) return true;
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  const done = updated >= wanted && replicas <= updated && available >= updated;
  const givenUp = status.conditions?.some(({ type, status: is }) => type === "Progressing" && is === "False");
  return !done && givenUp !== true;
}
