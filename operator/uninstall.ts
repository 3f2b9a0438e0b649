/**
 * Takes an installation down, so that neither resources nor namespaces get stuck when the operator is gone.
 *
 * In:     the API server, the operator's configuration, a limit as signal.
 * Does:   1. stops the operator, which would make everything anew, and the policy that gives new resources finalizers;
 *         2. deletes what it made, but Secrets only where they are of no use without daemons; 3. releases our
 *         finalizers; 4. gives back its own rights.
 *         Mail, the keys to it, DKIM keys, and the resources themselves stay.
 * Out:    how many objects went and how many were released. Everything is attempted, then the problems are told.
 */
import type { OperatorConfig } from "./config.ts";
import { componentLabel, finalizer, instanceLabel, managedByLabel, selectorText } from "./desired/names.ts";
import { kinds } from "./kube/kinds.ts";
import type { KubeObject, ObjectMeta } from "./kube/object.ts";
import { type Kind, type Kube, KubeError } from "./kube/port.ts";

export interface Uninstalled {
  readonly deleted: number;
  readonly released: number;
  /** Sentences about what could not be done. */
  readonly problems: readonly string[];
}

export interface Options {
  readonly kube: Kube;
  readonly config: Pick<OperatorConfig, "name" | "namespace" | "watchNamespaces">;
  /** Waits between two looks at what is ending. */
  readonly pause: (signal: AbortSignal) => Promise<void>;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

const always: readonly Kind[] = [
  kinds.HorizontalPodAutoscaler,
  kinds.PodDisruptionBudget,
  kinds.Deployment,
  kinds.Service,
  kinds.NetworkPolicy,
  kinds.ServiceAccount,
];
const whenServed: readonly Kind[] = [kinds.ScaledObject, kinds.Certificate, kinds.DNSEndpoint];
const admission: readonly Kind[] = [kinds.MutatingAdmissionPolicyBinding, kinds.MutatingAdmissionPolicy];
const resources: readonly Kind[] = [kinds.RelayPolicy, kinds.Mailbox, kinds.MailDomain];

export async function uninstall(options: Options): Promise<Uninstalled> {
  const work = new Work(options);
  await work.attempt("the operator is not stopped", () => work.stopOperator());
  if (options.config.watchNamespaces.length === 0)
    await work.attempt("new resources still get a finalizer", () => work.deleteAdmission());
  for (const kind of always) await work.attempt(`${kind.plural} are left`, () => work.deleteOurs(kind));
  for (const kind of whenServed)
    await work.attempt(`${kind.plural} are left`, () => work.deleteForeign(kind));
  for (const kind of resources)
    await work.attempt(`${kind.plural} keep their finalizer`, () => work.release(kind));
  await work.attempt("credentials of daemons are left", () => work.deleteCredentials());
  if (options.config.watchNamespaces.length === 0)
    await work.attempt("rolebindings are left", () => work.deleteOurs(kinds.RoleBinding));
  return work;
}

class Work implements Uninstalled {
  readonly #options: Options;
  /** That hold a resource of ours. */
  readonly #namespaces = new Set<string>();
  readonly problems: string[] = [];
  deleted = 0;
  released = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** One part that fails must not keep the others from their turn. */
  async attempt(what: string, act: () => Promise<void>): Promise<void> {
    try {
      this.#options.signal.throwIfAborted();
      await act();
    } catch (error) {
      this.problems.push(`${what}: ${(error as Error).message}`);
    }
  }

  async stopOperator(): Promise<void> {
    const { kube, config, pause, say, signal } = this.#options;
    const { name, namespace } = config;
    try {
      await kube.scale(kinds.Deployment, namespace, `${name}-operator`, 0, signal);
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 404)) throw error;
    }
    say("waiting for the operator to end");
    const labelSelector = selectorText({ [instanceLabel]: name, [componentLabel]: "operator" });
    while ((await kube.list(kinds.Pod, { namespace, labelSelector }, signal)).length > 0) await pause(signal);
  }

  /** The chart's, where the cluster serves such. */
  async deleteAdmission(): Promise<void> {
    const { kube, config, signal } = this.#options;
    for (const kind of admission)
      if (await kube.delete(kind, undefined, `${config.name}-finalizers`, {}, signal)) this.deleted++;
  }

  async deleteForeign(kind: Kind): Promise<void> {
    if (await this.#options.kube.serves(kind, this.#options.signal)) await this.deleteOurs(kind);
  }

  async deleteOurs(kind: Kind): Promise<void> {
    const { config } = this.#options;
    const ours = selectorText({ [instanceLabel]: config.name, [managedByLabel]: "postfleet-operator" });
    for (const object of await this.#listed(kind, ours)) await this.#delete(kind, object);
  }

  /** Where the operator had a resource of ours, and so the right to. Those in the release namespace open the mail: kept. */
  async deleteCredentials(): Promise<void> {
    const { kube, config, signal } = this.#options;
    for (const namespace of this.#namespaces) {
      if (namespace === config.namespace) continue;
      if (await kube.delete(kinds.Secret, namespace, "postfleet-daemon", {}, signal)) this.deleted++;
    }
  }

  /** A resource may change under our hands: then its newest state is released. */
  async release(kind: Kind): Promise<void> {
    for (const { metadata } of await this.#listed(kind, "")) {
      if (metadata.namespace !== undefined) this.#namespaces.add(metadata.namespace);
      if (metadata.finalizers?.includes(finalizer)) await this.#releaseOne(kind, metadata);
    }
  }

  async #releaseOne(kind: Kind, found: ObjectMeta): Promise<void> {
    const { kube, signal } = this.#options;
    const { namespace, name } = found;
    let metadata: ObjectMeta | undefined = found;
    for (let attempt = 1; metadata?.finalizers?.includes(finalizer); attempt++) {
      const { resourceVersion } = metadata;
      const finalizers = metadata.finalizers.filter((each) => each !== finalizer);
      try {
        await kube.patch(kind, namespace, name, { metadata: { resourceVersion, finalizers } }, signal);
        this.released++;
        return;
      } catch (error) {
        const status = error instanceof KubeError ? error.status : undefined;
        if (status === 404) return; // that was all that held it
        if (status !== 409 || attempt > 5) throw error;
        metadata = (await kube.get(kind, namespace, name, signal))?.metadata;
      }
    }
  }

  async #listed(kind: Kind, labelSelector: string): Promise<readonly KubeObject[]> {
    const { kube, config, signal } = this.#options;
    const selection = labelSelector === "" ? {} : { labelSelector };
    if (config.watchNamespaces.length === 0) return await kube.list(kind, selection, signal);
    const namespaces = [...new Set([...config.watchNamespaces, config.namespace])];
    const lists = await Promise.all(
      namespaces.map((namespace) => kube.list(kind, { namespace, ...selection }, signal)),
    );
    return lists.flat();
  }

  async #delete(kind: Kind, { metadata: { namespace, name, uid } }: KubeObject): Promise<void> {
    const { kube, say, signal } = this.#options;
    if (!(await kube.delete(kind, namespace, name, uid === undefined ? {} : { uid }, signal))) return;
    this.deleted++;
    say(`deleted ${kind.kind} ${namespace}/${name}`);
  }
}
