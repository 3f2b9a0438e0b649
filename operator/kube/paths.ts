/**
 * Where things are at the API server.
 */
import type { Kind, Namespace, Selection } from "./port.ts";

const encode = encodeURIComponent;

/** `/api/v1` or `/apis/group/version`. */
export const groupPath = (apiVersion: string): string =>
  apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

/** A collection: of a namespace, or of all. */
export function collectionPath({ apiVersion, plural, namespaced }: Kind, namespace: Namespace): string {
  const within = namespaced && namespace !== undefined ? `/namespaces/${encode(namespace)}` : "";
  return `${groupPath(apiVersion)}${within}/${plural}`;
}

export function objectPath(kind: Kind, namespace: Namespace, name: string, subresource?: string): string {
  if (kind.namespaced && namespace === undefined) throw new Error(`${kind.kind} ${name} has no namespace`);
  const path = `${collectionPath(kind, namespace)}/${encode(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Leaves out what is undefined. */
export function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encode(name)}=${encode(String(value))}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

export const selectors = ({ labelSelector, fieldSelector }: Selection): Query => ({
  labelSelector,
  fieldSelector,
});
