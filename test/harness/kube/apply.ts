/**
 * Server-side apply in memory, for one field manager: what the API server's merge does to the objects that we write.
 *
 * In:     the live object, what this manager applied last, what it applies now.
 * Out:    the object after it: fields in the new configuration are as it says, fields of the last one that are no longer
 *         in it are gone, all others stay. Lists that have keys merge by them; other lists are replaced as a whole.
 * Spec:   "Server-Side Apply", merge strategies; the keys are those of the OpenAPI schemas of the kinds we use.
 */
type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

/** By the name of the field that holds the list: what identifies an element. */
const keysOf: Readonly<Record<string, readonly string[]>> = {
  conditions: ["type"],
  containers: ["name"],
  initContainers: ["name"],
  volumes: ["name"],
  env: ["name"],
  volumeMounts: ["mountPath"],
  ownerReferences: ["uid"],
  imagePullSecrets: ["name"],
  topologySpreadConstraints: ["topologyKey", "whenUnsatisfiable"],
  ports: ["containerPort", "port", "protocol"],
};
const sets = new Set(["finalizers"]);

const isFields = (value: Json): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `undefined` stands for a field that is not there. */
export function merge(live: Json, last: Json, next: Json, field = ""): Json {
  if (next === undefined) return last === undefined ? live : without(live, last, field);
  if (isFields(next)) return mergeFields(isFields(live) ? live : {}, isFields(last) ? last : {}, next);
  if (Array.isArray(next) && (keysOf[field] || sets.has(field)))
    return mergeList(listOf(live), listOf(last), next, field);
  return structuredClone(next);
}

/** We no longer want it: what others put inside stays. */
function without(live: Json, last: Json, field: string): Json {
  if (isFields(last) && isFields(live)) {
    const rest = mergeFields(live, last, {});
    return Object.keys(rest).length === 0 ? undefined : rest;
  }
  if (Array.isArray(last) && Array.isArray(live) && (keysOf[field] || sets.has(field))) {
    const rest = mergeList(live, last, [], field);
    return rest.length === 0 ? undefined : rest;
  }
  return undefined;
}

function mergeFields(live: Fields, last: Fields, next: Fields): Fields {
  const result: Record<string, Json> = {};
  for (const field of new Set([...Object.keys(live), ...Object.keys(next)])) {
    const value = merge(live[field], last[field], next[field], field);
    if (value !== undefined) result[field] = value;
  }
  return result;
}

function mergeList(
  live: readonly Json[],
  last: readonly Json[],
  next: readonly Json[],
  field: string,
): Json[] {
  const byId = (list: readonly Json[]) => new Map(list.map((element) => [identity(element, field), element]));
  const [were, wanted] = [byId(last), byId(next)];
  const result: Json[] = [];
  for (const [id, element] of byId(live)) {
    const value = merge(element, were.get(id), wanted.get(id), "");
    if (value !== undefined && (wanted.has(id) || !were.has(id) || isFields(value))) result.push(value);
    wanted.delete(id);
  }
  for (const element of wanted.values()) result.push(structuredClone(element));
  return result;
}

function identity(element: Json, field: string): string {
  if (!isFields(element)) return JSON.stringify(element);
  return JSON.stringify((keysOf[field] ?? []).map((key) => element[key] ?? null));
}

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);

/** JSON merge patch. RFC 7386 §2 */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isFields(patch)) return structuredClone(patch);
  const result: Record<string, Json> = isFields(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}
