/**
 * Secrets that resources refer to: which version each has now, and its content when somebody needs it.
 *
 * In:     the namespaces in which the operator may look (`enter`, `leave`).
 * Out:    `versionOf`: known at once, from a watch of metadata; `read`: the content of one that is referred to, fetched
 *         when it is asked for and not kept. Contents of Secrets that are neither referred to nor ours never travel.
 * Fails:  `versionOf` says `unknown` until the namespace has been looked through; `onChange` tells when that is over.
 */

import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache, Kind, Selection } from "../kube/port.ts";
import type { SecretReader } from "./secret-reader.ts";

/** Opens a watch of metadata only. */
export type WatchMetadata = (kind: Kind, selection: Selection) => Cache & AsyncDisposable;

export type SecretMetadata =
  | { readonly kind: "unknown" }
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly object: KubeObject };

export type SecretVersion =
  | { readonly kind: "unknown" }
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly version: string };

export type SecretContent = ReadonlyMap<string, Buffer>;

/** `name` is `undefined` when any Secret of the namespace may be another now. */
export type SecretListener = (namespace: string, name: string | undefined) => void;

interface Entered {
  readonly cache: Cache & AsyncDisposable;
  synced: boolean;
}

const unknown = { kind: "unknown" } as const;
const absent = { kind: "absent" } as const;

export class Secrets implements AsyncDisposable {
  readonly #reader: Pick<SecretReader, "read">;
  readonly #watch: WatchMetadata;
  readonly #entered = new Map<string, Entered>();
  readonly #listeners = new Set<SecretListener>();

  constructor(reader: Pick<SecretReader, "read">, watch: WatchMetadata) {
    this.#reader = reader;
    this.#watch = watch;
  }

  enter(namespace: string): void {
    if (this.#entered.has(namespace)) return;
    const cache = this.#watch(kinds.Secret, { namespace });
    const entered: Entered = { cache, synced: false };
    this.#entered.set(namespace, entered);
    cache.onChange((change) => {
      const { metadata } = change.kind === "removed" ? change.before : change.object;
      if (entered.synced) this.#tell(namespace, metadata.name);
    });
    void cache.synced.then(() => {
      entered.synced = true;
      if (this.#entered.get(namespace) === entered) this.#tell(namespace, undefined);
    });
  }

  async leave(namespace: string): Promise<void> {
    const entered = this.#entered.get(namespace);
    this.#entered.delete(namespace);
    await entered?.cache[Symbol.asyncDispose]();
  }

  /** Without content. */
  metadataOf(namespace: string, name: string): SecretMetadata {
    const entered = this.#entered.get(namespace);
    if (!entered?.synced) return unknown;
    const object = entered.cache.get(namespace, name);
    return object ? { kind: "present", object } : absent;
  }

  versionOf(namespace: string, name: string): SecretVersion {
    const found = this.metadataOf(namespace, name);
    if (found.kind !== "present") return found;
    const { uid, resourceVersion } = found.object.metadata;
    return { kind: "present", version: `${uid}/${resourceVersion}` };
  }

  /** `undefined`: there is none. */
  async read(namespace: string, name: string, signal: AbortSignal): Promise<SecretContent | undefined> {
    const cache = this.#entered.get(namespace)?.cache;
    const seen = cache?.get(namespace, name);
    const secret = cache && seen && (await this.#reader.read(seen, cache.list(namespace), signal));
    if (!secret) return undefined;
    return new Map(
      Object.entries(secret.data ?? {}).map(([key, text]) => [key, Buffer.from(text, "base64")]),
    );
  }

  onChange(listener: SecretListener): void {
    this.#listeners.add(listener);
  }

  #tell(namespace: string, name: string | undefined): void {
    for (const listener of this.#listeners) listener(namespace, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#entered.keys()].map((namespace) => this.leave(namespace)));
  }
}
