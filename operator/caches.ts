/**
 * What the operator keeps in memory of the cluster: its resources, their children, the daemons' pods.
 *
 * In:     which namespaces are watched: all, or those that are listed (and the release's own), each with watches of its
 *         own, since rights may not reach further.
 * Out:    one cache a kind.
 */
import type { Clock } from "../daemon/kit/clock.ts";
import type { Log } from "../daemon/kit/log.ts";
import type { Installation } from "./desired/installation.ts";
import { commonLabels, instanceLabel, labelValue, selectorText } from "./desired/names.ts";
import { Informer } from "./kube/informer.ts";
import { kinds } from "./kube/kinds.ts";
import type { KubeObject } from "./kube/object.ts";
import type { Cache, Kind, Selection } from "./kube/port.ts";
import { UnionCache } from "./kube/union.ts";
import type { Watchable } from "./kube/watchable.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { Pod } from "./reconcile/fleet.ts";
import type { Mailbox, MailDomain, RelayPolicy } from "./reconcile/resources.ts";

export interface CacheParts {
  readonly api: Watchable;
  readonly installation: Installation;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<OperatorMetrics, "informer" | "watchTrouble">;
}

export type Closing<T extends KubeObject = KubeObject> = Cache<T> & AsyncDisposable;

/** Empty: all namespaces are watched. */
export const watched = ({ watchNamespaces, namespace }: Installation): readonly string[] =>
  watchNamespaces.length === 0 ? [] : [...new Set([namespace, ...watchNamespaces])];

/** In every namespace that is watched. */
export function openCache<T extends KubeObject>(
  parts: CacheParts,
  kind: Kind,
  selection: Selection = {},
  options: { readonly metadataOnly?: boolean; readonly transform?: (object: T) => T } = {},
): Closing<T> {
  const { api, installation, clock, log, metrics } = parts;
  const open = (where: Selection): Closing<T> => {
    const informer = new Informer<T>(api, kind, {
      selection: { ...selection, ...where },
      clock,
      chance: Math.random,
      log,
      onTrouble: (reason) => metrics.watchTrouble(kind.kind, reason),
      onStop: () => forget(),
      ...options,
    });
    const forget = metrics.informer(kind.kind, () => informer.figures);
    return informer;
  };
  const namespaces = watched(installation);
  if (namespaces.length === 0 || !kind.namespaced) return open({});
  return new UnionCache(new Map(namespaces.map((namespace) => [namespace, open({ namespace })])));
}

export interface Caches extends AsyncDisposable {
  readonly domains: Cache<MailDomain>;
  readonly mailboxes: Cache<Mailbox>;
  readonly policies: Cache<RelayPolicy>;
  readonly children: readonly Cache[];
  readonly pods: Cache<Pod>;
  /** `undefined`: only listed namespaces are watched, and the chart gives the rights there. */
  readonly roleBindings: Cache | undefined;
  readonly namespaces: Cache | undefined;
  readonly synced: Promise<void>;
}

const childKinds = [
  kinds.ServiceAccount,
  kinds.NetworkPolicy,
  kinds.Service,
  kinds.PodDisruptionBudget,
  kinds.Deployment,
  kinds.HorizontalPodAutoscaler,
] as const;

/** Begins at once. */
export function openCaches(parts: CacheParts): Caches {
  const { installation } = parts;
  const ours = { labelSelector: selectorText(commonLabels(installation)) };
  const instance = {
    labelSelector: selectorText({
      "app.kubernetes.io/name": "postfleet",
      [instanceLabel]: labelValue(installation.name),
    }),
  };
  const all = watched(installation).length === 0;
  const domains = openCache<MailDomain>(parts, kinds.MailDomain, {}, { transform: packed });
  const mailboxes = openCache<Mailbox>(parts, kinds.Mailbox, {}, { transform: unapplied });
  const policies = openCache<RelayPolicy>(parts, kinds.RelayPolicy, {}, { transform: unapplied });
  const children = childKinds.map((kind) => openCache(parts, kind, ours));
  const pods = openCache<Pod>(parts, kinds.Pod, instance, { transform: slimPod });
  const roleBindings = all ? openCache(parts, kinds.RoleBinding, ours) : undefined;
  const namespaces = all ? openCache(parts, kinds.Namespace, {}, { metadataOnly: true }) : undefined;
  const every = [domains, mailboxes, policies, ...children, pods, roleBindings, namespaces].filter(
    (cache) => cache !== undefined,
  );
  return {
    domains,
    mailboxes,
    policies,
    children,
    pods,
    roleBindings,
    namespaces,
    synced: Promise.all(every.map(({ synced }) => synced)).then(() => {}),
    async [Symbol.asyncDispose]() {
      await Promise.all(every.map((cache) => cache[Symbol.asyncDispose]()));
    },
  };
}

/**
 * A domain's status as text: ten thousand of them are looked at one at a time, and take a quarter less room than as
 * objects. `Written` unpacks them.
 */
function packed(raw: MailDomain): MailDomain {
  const domain = unapplied(raw);
  return domain.status === undefined
    ? domain
    : ({ ...domain, status: JSON.stringify(domain.status) } as unknown as MailDomain);
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Without the copy of the whole resource that `kubectl apply` leaves in an annotation. */
function unapplied<T extends KubeObject>(object: T): T {
  const { annotations } = object.metadata;
  if (annotations?.[lastApplied] === undefined) return object;
  const { [lastApplied]: _, ...rest } = annotations;
  return { ...object, metadata: { ...object.metadata, annotations: rest } };
}

/** Of a pod only what is looked at: there may be thousands, and their specs are long. */
function slimPod({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp, annotations } = metadata;
  const { conditions = [], ...rest } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...defined({ namespace, uid, resourceVersion, labels, deletionTimestamp, annotations }),
    },
    status: {
      ...defined({ phase: rest.phase }),
      conditions: conditions
        .filter(({ type }) => type === "Ready")
        .map(({ type, status: is }) => ({ type, status: is })),
    },
  } as Pod;
}

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
