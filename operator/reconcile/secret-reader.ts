/**
 * Reads contents of Secrets, one call each; and while thousands are wanted those that we made in a namespace with one call
 * together, since a call costs more than what it brings.
 *
 * In:     metadata of a Secret and of all in its namespace, as the watch has them.
 * Out:    the Secret in this state or a later one; `undefined`: it is gone.
 * Keeps:  what a list brought and nobody has taken yet, for a few seconds, of namespaces that are not too large.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import { managedByLabel, selectorText } from "../desired/names.ts";
import { fieldManager, kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Kube } from "../kube/port.ts";
import { namespaceOf } from "./resources.ts";

export interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface SecretReaderOptions {
  readonly kube: Pick<Kube, "get" | "list">;
  readonly clock: Clock;
  /** Many are wanted at once. */
  readonly isCrowded: () => boolean;
}

type Listed = Map<string, SecretObject>;

const keepMs = 5_000;
/** A list is worth it from here on … */
const few = 8;
/** … and up to here does not fill the memory: 4 MB of RSA keys. */
const many = 1_000;
const ours = { [managedByLabel]: fieldManager };

export class SecretReader implements Disposable {
  readonly #options: SecretReaderOptions;
  readonly #lists = new Map<string, Promise<Listed>>();
  readonly #stop = new AbortController();

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  async read(
    seen: KubeObject,
    all: Iterable<KubeObject>,
    signal: AbortSignal,
  ): Promise<SecretObject | undefined> {
    const { kube, isCrowded } = this.#options;
    const namespace = namespaceOf(seen);
    const { name, labels, resourceVersion } = seen.metadata;
    if (labels?.[managedByLabel] === fieldManager && isCrowded()) {
      const listed = await this.#listed(namespace, all);
      const found = listed.get(name);
      listed.delete(name);
      if (found?.metadata.resourceVersion === resourceVersion) return found;
    }
    return kube.get<SecretObject>(kinds.Secret, namespace, name, signal);
  }

  #listed(namespace: string, all: Iterable<KubeObject>): Promise<Listed> {
    const known = this.#lists.get(namespace);
    if (known) return known;
    const count = countUpTo(many + 1, all);
    const listed = count >= few && count <= many ? this.#list(namespace) : Promise.resolve<Listed>(new Map());
    this.#lists.set(namespace, listed);
    this.#forgetSoon(namespace);
    return listed;
  }

  #forgetSoon(namespace: string): void {
    void this.#options.clock.sleep(keepMs, this.#stop.signal).then(
      () => this.#lists.delete(namespace),
      () => this.#lists.clear(),
    );
  }

  /** Whatever fails: each is read for itself then. */
  async #list(namespace: string): Promise<Listed> {
    const { kube } = this.#options;
    const { signal } = this.#stop;
    try {
      const selection = { namespace, labelSelector: selectorText(ours) };
      const secrets = await kube.list<SecretObject>(kinds.Secret, selection, signal);
      return new Map(secrets.map((secret) => [secret.metadata.name, secret]));
    } catch {
      return new Map();
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#lists.clear();
  }
}

function countUpTo(limit: number, objects: Iterable<unknown>): number {
  let count = 0;
  for (const _ of objects) if (++count === limit) break;
  return count;
}
