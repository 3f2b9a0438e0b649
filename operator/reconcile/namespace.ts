/**
 * One namespace: what daemons need there, the sets that run there, and nothing of ours once it holds no resource of ours.
 *
 * Out:    the right to look at its Secrets (where the operator watches all namespaces: a RoleBinding to a ClusterRole that
 *         is bound nowhere else), the daemons' ServiceAccount and Secret, gateway and mailbox sets, a RelayPolicy
 *         `default` where one is referred to and none is declared.
 * Order:  rights, then what pods mount, then pods. The other way round when the last resource has gone; when the last pod
 *         has gone, too, or after a while, the namespace's users of NATS get in no more.
 */
import type { Installation } from "../desired/installation.ts";
import { commonLabels, componentLabel, daemonSecretName, managedByLabel, object } from "../desired/names.ts";
import { daemonSecret } from "../desired/secret.ts";
import { gatewaySet, mailboxSet, tenant } from "../desired/sets.ts";
import { apiGroup, fieldManager, kinds } from "../kube/kinds.ts";
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Cache, Next, Reconciler } from "../kube/port.ts";
import { outwardOf } from "./outward.ts";
import { isLeaving, type RelayPolicy } from "./resources.ts";
import type { World } from "./world.ts";

/** What a namespace's daemons are given. `operator/store` implements it. */
export interface Issuer {
  /** Changes when everything must be given anew. */
  readonly id: string;
  /** `undefined`: for the shared sets, which serve all namespaces. */
  issue(namespace: string | undefined): Promise<DaemonCredentials>;
  /** Namespaces with credentials that hold. */
  holders(): readonly string[];
  isHolder(namespace: string): boolean;
  /** What was issued for the namespace holds no longer. */
  revoke(namespace: string): Promise<void>;
}

export interface DaemonCredentials {
  readonly creds: string;
  readonly directoryKey: Uint8Array;
  readonly ca?: string;
}

export interface NamespaceParts {
  readonly issuer: Issuer;
  /** Of the operator's own Deployment: what is in the release namespace goes with it. */
  readonly owner: OwnerReference | undefined;
  /** The operator's service account; `undefined`: rights on Secrets are given by the chart. */
  readonly account: { readonly namespace: string; readonly name: string } | undefined;
  readonly roleBindings: Cache | undefined;
  readonly pods: Pick<Cache, "list">;
  /** Whether we may read Secrets there by now; asked after a RoleBinding was made, which takes effect a moment later. */
  readonly mayReadSecrets: (namespace: string, signal: AbortSignal) => Promise<boolean>;
  /** Makes the store of mailboxes that a namespace's own daemons keep. */
  readonly prepareMail: (namespace: string) => Promise<void>;
  /** Wakes what waits for the daemons' Secret. */
  readonly onReady: (namespace: string) => void;
}

const onChange: Next = { wake: "on-change" };
const issuedBy = `${apiGroup}/issued-by`;
const soonMs = 250;
/** So long the pods of a namespace that is left may go on, to hand over what they hold. */
const farewellMs = 600_000;
const farewellLookMs = 5_000;

const secretsRole = ({ name }: Pick<Installation, "name">): string => `${name}-secrets`;

export class NamespaceReconciler implements Reconciler {
  readonly #world: World;
  readonly #parts: NamespaceParts;
  readonly #readable = new Set<string>();
  readonly #ready = new Set<string>();
  /** Since when it holds no resource of ours, ms on the monotonic clock. */
  readonly #left = new Map<string, number>();

  constructor(world: World, parts: NamespaceParts) {
    this.#world = world;
    this.#parts = parts;
  }

  /** Whether daemons can run there. */
  isReady(namespace: string): boolean {
    return this.#ready.has(namespace);
  }

  async reconcile(namespace: string, signal: AbortSignal): Promise<Next> {
    const { caches, installation, namespaceLeaves, secrets } = this.#world;
    const home = namespace === installation.namespace;
    const has = {
      domain: some(caches.domains.list(namespace)),
      mailbox: some(caches.mailboxes.list(namespace)),
      policy: some(caches.policies.list(namespace)),
    };
    if (!home && !has.domain && !has.mailbox && !has.policy) {
      await this.#leave(namespace, signal);
      return this.#revoke(namespace);
    }
    this.#left.delete(namespace);
    if (namespaceLeaves(namespace)) return onChange; // whatever is in it goes by itself
    if (!(await this.#mayRead(namespace, signal))) return { wake: "after", ms: soonMs };
    secrets.enter(namespace);
    if (secrets.metadataOf(namespace, "").kind === "unknown") return onChange; // its Secrets wake it
    const runsSets = home ? installation.placement === "Shared" || has.domain : has.domain && !this.#shared;
    if (home || has.domain || has.policy) await this.#furnish(namespace, runsSets, signal);
    await this.#defaultPolicy(namespace, signal);
    return onChange;
  }

  get #shared(): boolean {
    return this.#world.installation.placement === "Shared";
  }

  async #mayRead(namespace: string, signal: AbortSignal): Promise<boolean> {
    const { roleBindings, mayReadSecrets, account } = this.#parts;
    const { installation, kube } = this.#world;
    if (this.#readable.has(namespace)) return true;
    if (account && namespace !== installation.namespace) {
      const name = secretsRole(installation);
      if (!roleBindings?.get(namespace, name))
        await kube.apply(roleBinding(installation, namespace, account), signal);
      if (!(await mayReadSecrets(namespace, signal))) return false;
    }
    this.#readable.add(namespace);
    return true;
  }

  async #furnish(namespace: string, runsSets: boolean, signal: AbortSignal): Promise<void> {
    const { installation, children } = this.#world;
    const home = namespace === installation.namespace;
    const served = [...this.#world.caches.domains.list(this.#shared && home ? undefined : namespace)];
    const place = {
      namespace,
      owner: home ? this.#parts.owner : undefined,
      ...outwardOf(served.map(({ spec }) => spec)),
    };
    await this.#daemonSecret(place, signal);
    if (runsSets && !this.#shared) await this.#parts.prepareMail(namespace);
    const desired = [
      ...tenant(installation, place),
      ...(runsSets ? [...gatewaySet(installation, place), ...mailboxSet(installation, place)] : []),
    ];
    await children.converge(desired, children.live(namespace, isOfNamespace), signal);
    if (this.#ready.has(namespace)) return;
    this.#ready.add(namespace);
    this.#parts.onReady(namespace);
  }

  /** Made once, and again only when the keys of the installation are others, or what was made holds no longer. */
  async #daemonSecret(
    place: { readonly namespace: string; readonly owner: OwnerReference | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { installation, secrets, kube } = this.#world;
    const { issuer } = this.#parts;
    const found = secrets.metadataOf(place.namespace, daemonSecretName(installation, place.namespace));
    const home = place.namespace === installation.namespace;
    const isIssued = found.kind === "present" && found.object.metadata.annotations?.[issuedBy] === issuer.id;
    if (isIssued && (home || issuer.isHolder(place.namespace))) return;
    const secret = daemonSecret(installation, place, await issuer.issue(home ? undefined : place.namespace));
    const annotations = { ...secret.metadata.annotations, [issuedBy]: issuer.id };
    await kube.apply({ ...secret, metadata: { ...secret.metadata, annotations } }, signal);
  }

  async #defaultPolicy(namespace: string, signal: AbortSignal): Promise<void> {
    const { caches, relations, kube, installation } = this.#world;
    const found = caches.policies.get(namespace, "default");
    const wanted = relations.isUsed(namespace, "default");
    if (wanted && !found) {
      const identity = { namespace, name: "default", labels: commonLabels(installation) };
      const { apiVersion, kind } = kinds.RelayPolicy;
      await kube.apply(object(apiVersion, kind, identity, { spec: {} }), signal);
    }
    if (!wanted && found && isUnedited(found) && !isLeaving(found)) {
      const { uid } = found.metadata;
      await kube.delete(kinds.RelayPolicy, namespace, "default", uid === undefined ? {} : { uid }, signal);
    }
  }

  async #revoke(namespace: string): Promise<Next> {
    const { issuer, pods } = this.#parts;
    if (!issuer.isHolder(namespace)) return onChange;
    const now = this.#world.clock.monotonic();
    const since = this.#left.get(namespace) ?? now;
    this.#left.set(namespace, since);
    if (some(pods.list(namespace)) && now - since < farewellMs) return { wake: "after", ms: farewellLookMs };
    await issuer.revoke(namespace);
    this.#left.delete(namespace);
    return onChange;
  }

  async #leave(namespace: string, signal: AbortSignal): Promise<void> {
    const { children, secrets, kube, installation, namespaceLeaves } = this.#world;
    this.#ready.delete(namespace);
    if (namespaceLeaves(namespace)) {
      this.#readable.delete(namespace);
      await secrets.leave(namespace);
      return;
    }
    await children.converge([], children.live(namespace, isOfNamespace), signal);
    const name = daemonSecretName(installation, namespace);
    const secret = secrets.metadataOf(namespace, name);
    if (secret.kind === "present" && isOurs(secret.object))
      await kube.delete(kinds.Secret, namespace, name, {}, signal);
    await secrets.leave(namespace);
    this.#readable.delete(namespace);
    const binding = this.#parts.roleBindings?.get(namespace, secretsRole(installation));
    if (binding && isOurs(binding))
      await kube.delete(kinds.RoleBinding, namespace, binding.metadata.name, {}, signal);
  }
}

const some = (objects: Iterable<unknown>): boolean => {
  for (const _ of objects) return true;
  return false;
};

const isOurs = ({ metadata }: KubeObject): boolean => metadata.labels?.[managedByLabel] === fieldManager;

/** Not of a policy's relay. */
const isOfNamespace = ({ kind, metadata }: KubeObject): boolean =>
  kind !== "RoleBinding" && metadata.labels?.[componentLabel] !== "relay";

/** Made by us, and nobody has changed its spec since. */
const isUnedited = (policy: RelayPolicy): boolean => isOurs(policy) && policy.metadata.generation === 1;

function roleBinding(
  installation: Installation,
  namespace: string,
  account: { readonly namespace: string; readonly name: string },
): KubeObject {
  const name = secretsRole(installation);
  const identity = { namespace, name, labels: commonLabels(installation) };
  return object("rbac.authorization.k8s.io/v1", "RoleBinding", identity, {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name: account.name, namespace: account.namespace }],
  });
}
