/**
 * Compares what there should be with what there is.
 *
 * In:     the objects of one owner as the builders make them, and those that carry our labels there (Secrets apart: they
 *         are made once, and their content is not looked at).
 * Out:    steps in the order in which they are to be taken; none when nothing has changed. Each object carries a digest of
 *         what was applied, so that a field that we no longer ask for is noticed; a field of ours that somebody changed
 *         is found by comparing. Labels, annotations, sidecars and fields of others stay.
 * Sizes:  `replicas` is never applied, since server-side apply would reset it to 1 on the day that we leave it to an
 *         autoscaler. Where a Deployment names it, it is written through its `scale` subresource instead.
 */

import { createHash } from "node:crypto";
import { apiGroup, fieldManager } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import { driftOf } from "./drift.ts";
import { managedByLabel } from "./names.ts";

const appliedAnnotation = `${apiGroup}/applied`;

export type Step =
  /** `why` is for the log. */
  | { readonly do: "apply"; readonly object: KubeObject; readonly why: string }
  | { readonly do: "scale"; readonly object: KubeObject; readonly replicas: number }
  | { readonly do: "delete"; readonly object: KubeObject };

export function plan(desired: readonly KubeObject[], live: Iterable<KubeObject>): readonly Step[] {
  const known = new Map<string, KubeObject>();
  for (const object of live) known.set(keyOf(object), object);
  const sizes = firstSizes(desired);
  const steps = desired.flatMap((object) => stepsFor(object, known.get(keyOf(object)), sizes));
  const wanted = new Set(desired.map(keyOf));
  for (const [key, object] of known) {
    if (!wanted.has(key) && isOurs(object) && !isLeaving(object)) steps.push({ do: "delete", object });
  }
  return steps;
}

/** Not by version: another version of an API is the same object. */
const keyOf = ({ apiVersion, kind, metadata }: KubeObject): string => {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return [group, kind, metadata.namespace ?? "", metadata.name].join("/");
};

const isOurs = ({ metadata }: KubeObject): boolean => metadata.labels?.[managedByLabel] === fieldManager;
const isLeaving = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

/** The least that an autoscaler allows: a new Deployment need not wait for it to look. */
function firstSizes(desired: readonly KubeObject[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { metadata, spec } of desired as readonly (KubeObject & { readonly spec?: Scaler })[]) {
    const { scaleTargetRef, minReplicas, minReplicaCount } = spec ?? {};
    const least = minReplicas ?? minReplicaCount;
    if (scaleTargetRef && least !== undefined)
      sizes.set(`${metadata.namespace}/${scaleTargetRef.name}`, least);
  }
  return sizes;
}

interface Scaler {
  readonly scaleTargetRef?: { readonly name: string };
  readonly minReplicas?: number;
  readonly minReplicaCount?: number;
}

function stepsFor(
  desired: KubeObject,
  live: KubeObject | undefined,
  sizes: ReadonlyMap<string, number>,
): Step[] {
  const { object, replicas: fixed } = withoutReplicas(desired);
  const { namespace, name } = desired.metadata;
  // One that is leaving cannot be mended: it is made anew when it has gone.
  if (live && isLeaving(live)) return [];
  const stamped = stamp(object);
  const why = reason(stamped, live);
  const steps: Step[] = why === undefined ? [] : [{ do: "apply", object: stamped, why }];
  const first = desired.kind === "Deployment" && !live ? sizes.get(`${namespace}/${name}`) : undefined;
  const replicas = fixed ?? first;
  if (replicas !== undefined && replicas !== replicasOf(live)) steps.push({ do: "scale", object, replicas });
  return steps;
}

function reason(stamped: KubeObject, live: KubeObject | undefined): string | undefined {
  if (!live) return "missing";
  if (live.metadata.annotations?.[appliedAnnotation] !== stamped.metadata.annotations?.[appliedAnnotation])
    return "changed";
  const drift = driftOf({ ...stamped, apiVersion: live.apiVersion }, live);
  return drift === undefined ? undefined : `${drift} drifted`;
}

/** The API server makes a Deployment with one pod where nothing is said. */
const sizeAtFirst = 1;

function replicasOf(live: KubeObject | undefined): number {
  const { replicas } = (live?.["spec"] ?? {}) as { readonly replicas?: number };
  return replicas ?? sizeAtFirst;
}

function withoutReplicas(desired: KubeObject): {
  readonly object: KubeObject;
  readonly replicas: number | undefined;
} {
  if (desired.kind !== "Deployment") return { object: desired, replicas: undefined };
  const { replicas, ...spec } = (desired["spec"] ?? {}) as { readonly replicas?: number };
  return { object: { ...desired, spec }, replicas };
}

/** With the digest of what it says. */
function stamp(object: KubeObject): KubeObject {
  const digest = createHash("sha256").update(JSON.stringify(object)).digest("hex").slice(0, 16);
  const annotations = { ...object.metadata.annotations, [appliedAnnotation]: digest };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
