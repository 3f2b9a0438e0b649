/**
 * Writes statuses and finalizers, and nothing when nothing differs.
 *
 * In:     the object as the cache holds it, and what is wanted.
 * Out:    the status that the API server holds, which may be newer than the cache: what was just written counts until
 *         the watch brings it, so that nothing is written twice.
 * Fails:  as the port does. `Conflict` on finalizers means that the cache is behind: the queue tries again.
 * Echo:   what the watch tells of our own write, and of nothing else, wakes nobody (`isEcho`).
 * Foreign: conditions of other types, and fields of the status that we never write, stay as they are.
 */
import type { Condition, KubeObject } from "../kube/object.ts";
import type { Kind, Kube } from "../kube/port.ts";

interface Status {
  readonly conditions?: readonly Condition[];
}

interface Overlay {
  /** Versions that are older than what was written: the cache's at that time, and what our writes before it made. */
  readonly older: ReadonlySet<string | undefined>;
  readonly status: unknown;
}

export class Written {
  readonly #kube: Kube;
  readonly #overlays = new Map<string, Overlay>();
  /** By uid: the version that our last write made. */
  readonly #echoes = new Map<string, string>();

  constructor(kube: Kube) {
    this.#kube = kube;
  }

  /** The status as it is now, as far as we know; a cache may hold it as text. */
  statusOf<S>(object: KubeObject): S | undefined {
    const { uid = "", resourceVersion } = object.metadata;
    const overlay = this.#overlays.get(uid);
    if (overlay?.older.has(resourceVersion)) return overlay.status as S;
    this.#overlays.delete(uid);
    const { status } = object;
    return (typeof status === "string" ? JSON.parse(status) : status) as S | undefined;
  }

  /** Whether the object is as our own last write left it. Asked once for each change: what was kept of the write goes. */
  isEcho({ metadata: { uid = "", resourceVersion } }: KubeObject): boolean {
    if (resourceVersion === undefined || this.#echoes.get(uid) !== resourceVersion) return false;
    this.#echoes.delete(uid);
    this.#overlays.delete(uid);
    return true;
  }

  #wrote({ metadata: { uid = "", resourceVersion } }: KubeObject): void {
    if (resourceVersion !== undefined) this.#echoes.set(uid, resourceVersion);
  }

  /** `true`: it was written. */
  async status(object: KubeObject, wanted: object, signal: AbortSignal): Promise<boolean> {
    const { uid = "", resourceVersion: basis, name, namespace } = object.metadata;
    if (covers(this.statusOf(object), wanted)) return false;
    const { apiVersion, kind } = object;
    // The uid keeps a status from falling to a resource that was made anew under the same name.
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), uid };
    const written = await this.#kube.applyStatus({ apiVersion, kind, metadata, status: wanted }, signal);
    const before = this.#overlays.get(uid)?.older ?? [];
    const older = new Set([...before, basis, this.#echoes.get(uid) ?? basis]);
    this.#overlays.set(uid, { older, status: written["status"] });
    this.#wrote(written);
    return true;
  }

  forget(object: KubeObject): void {
    this.#overlays.delete(object.metadata.uid ?? "");
    this.#echoes.delete(object.metadata.uid ?? "");
  }

  async addFinalizer(kind: Kind, object: KubeObject, finalizer: string, signal: AbortSignal): Promise<void> {
    const { finalizers = [] } = object.metadata;
    if (!finalizers.includes(finalizer))
      await this.#finalizers(kind, object, [...finalizers, finalizer], signal);
  }

  async removeFinalizer(
    kind: Kind,
    object: KubeObject,
    finalizer: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { finalizers = [] } = object.metadata;
    const rest = finalizers.filter((one) => one !== finalizer);
    if (rest.length < finalizers.length) await this.#finalizers(kind, object, rest, signal);
  }

  async #finalizers(kind: Kind, { metadata }: KubeObject, finalizers: string[], signal: AbortSignal) {
    const { name, namespace, resourceVersion } = metadata;
    const patch = { metadata: { resourceVersion, finalizers } };
    this.#wrote(await this.#kube.patch(kind, namespace, name, patch, signal));
  }
}

/** Whether `live` says all that `wanted` says, and nothing that we said before and no longer do. */
function covers(live: Status | undefined, wanted: object): boolean {
  if (live === undefined) return false;
  const { conditions: wantedConditions = [], ...wantedRest } = wanted as Status;
  const { conditions: liveConditions = [], ...liveRest } = live;
  const byType = new Map(liveConditions.map((condition) => [condition.type, condition]));
  return (
    sameJson(liveRest, wantedRest) &&
    wantedConditions.every((condition) => sameJson(byType.get(condition.type), condition)) &&
    liveConditions.every(({ type }) => foreign(type) || wantedConditions.some((one) => one.type === type))
  );
}

/** Condition types of others have a domain of theirs: `example.org/Checked`. Ours have none. */
const foreign = (type: string): boolean => type.includes("/");

/** As JSON counts: a field that is `undefined` is not there. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const fieldsOf = (value: object) => Object.entries(value).filter(([, inner]) => inner !== undefined);
  const [left, right] = [fieldsOf(a), new Map<string, unknown>(fieldsOf(b))];
  return left.length === right.size && left.every(([name, inner]) => sameJson(inner, right.get(name)));
}
