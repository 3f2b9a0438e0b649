/**
 * Tells whether what we asked for is what there is.
 *
 * In:     an object as we apply it, and as the API server holds it: with defaults filled in, quantities in their shortest
 *         form, empty values left out, and with fields, labels, sidecars and variables of others.
 * Out:    the first field of ours that differs, such as `spec.template.spec.containers[postfleet].image`; `undefined` when
 *         all is as it should be. What we do not name is not ours, whatever it is.
 * Spec:   as server-side apply merges: maps by key; lists of named things by their key; other lists as a whole.
 */
import { parseQuantity } from "./quantity.ts";

type Fields = Readonly<Record<string, unknown>>;

export function driftOf(wanted: unknown, live: unknown, path = ""): string | undefined {
  if (Array.isArray(wanted)) return driftOfList(wanted, live, path);
  if (isFields(wanted)) return driftOfFields(wanted, live, path);
  return wanted === live || isSame(wanted, live, path) ? undefined : path;
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

function driftOfFields(wanted: Fields, live: unknown, path: string): string | undefined {
  const entries = Object.entries(wanted);
  if (!isFields(live) || Array.isArray(live)) {
    return entries.length === 0 && live === undefined ? undefined : path;
  }
  for (const [key, value] of entries) {
    const drift = driftOf(value, live[key], path === "" ? key : `${path}.${key}`);
    if (drift !== undefined) return drift;
  }
  return undefined;
}

/** Where both are given, the first is what server-side apply goes by (`volumeMounts`, `ownerReferences`). */
const listKeys = ["uid", "mountPath", "topologyKey", "name"] as const;

function driftOfList(wanted: readonly unknown[], live: unknown, path: string): string | undefined {
  if (!Array.isArray(live)) return wanted.length === 0 && live === undefined ? undefined : path;
  const key = listKeys.find((one) => wanted.every((item) => isFields(item) && typeof item[one] === "string"));
  if (key === undefined || wanted.length === 0) {
    if (wanted.length !== live.length) return path;
    return first(wanted, (item, i) => driftOf(item, live[i], `${path}[${i}]`));
  }
  return first(wanted as readonly Fields[], (item) => {
    const found = live.find((other) => isFields(other) && other[key] === item[key]);
    return driftOf(item, found, `${path}[${String(item[key])}]`);
  });
}

function first<T>(items: readonly T[], find: (item: T, i: number) => string | undefined): string | undefined {
  for (const [i, item] of items.entries()) {
    const found = find(item, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Their absence means something else than their zero, and the API server keeps them apart. */
const meaningfulZero = new Set([
  "allowPrivilegeEscalation",
  "automountServiceAccountToken",
  "enableServiceLinks",
  "maxSurge",
  "maxUnavailable",
  "minReplicaCount",
  "readOnlyRootFilesystem",
  "replicas",
  "restoreToOriginalReplicaCount",
  "runAsNonRoot",
  "stabilizationWindowSeconds",
]);
const quantityPlace = /\.(requests|limits)\.[^[\]]+$|\.(averageValue|sizeLimit)$/;

function isSame(wanted: unknown, live: unknown, path: string): boolean {
  const field = path.slice(path.lastIndexOf(".") + 1);
  if (live === undefined) return (!wanted && !meaningfulZero.has(field)) || wanted === "";
  // `cpu: 1` comes back as "1", "1000m" as "1".
  return quantityPlace.test(path) && sameQuantity(wanted, live);
}

function sameQuantity(a: unknown, b: unknown): boolean {
  const left = parseQuantity(String(a));
  return left !== undefined && left === parseQuantity(String(b));
}
