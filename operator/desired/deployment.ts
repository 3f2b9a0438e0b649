/**
 * Deployments of daemons: gateway and mailbox sets, and one relay per RelayPolicy.
 *
 * In:     the installation; where the set runs, or the policy.
 * Out:    Deployments; `replicas` is in them only where nothing else scales (`plan.ts` tells how it is written). A roll-out takes no pod away before its successor is ready, except where pods hold ports of their
 *         node, of which there may be no second.
 */
import type { RelayPolicySpec } from "../../crds/types.ts";
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Installation, PodOptions, SetComponent } from "./installation.ts";
import {
  commonLabels,
  componentLabel,
  type Labels,
  object,
  policyLabel,
  relayName,
  selectorOf,
  setName,
} from "./names.ts";
import { type DaemonPod, podTemplate } from "./pod.ts";
import { layPodTemplate } from "./pod-options.ts";

/** Who chooses the number of pods. `None`: the object says it. */
type ScaledBy = RelayPolicySpec["autoscaling"]["mode"];

/** A RelayPolicy as the builders need it. */
export interface Policy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: RelayPolicySpec;
  readonly owner?: OwnerReference | undefined;
}

/** Gateway and mailbox sets: in the release namespace (`Shared`), or in every namespace with a MailDomain. */
export interface SetPlace {
  readonly namespace: string;
  /** Ports besides 443 where the domains' OIDC issuers answer. */
  readonly webPorts?: readonly number[];
  /** Where the domains' content filters listen. */
  readonly filterPorts?: readonly number[];
  readonly owner?: OwnerReference | undefined;
}

/** Long enough for load balancers to find the new pod before its predecessor leaves. */
const settleSeconds = 5;

export function setDeployment(
  installation: Installation,
  component: SetComponent,
  { namespace, owner }: SetPlace,
): KubeObject {
  const { replicas, maxReplicas, ...options } = installation[component];
  const scaledBy = maxReplicas > replicas ? "HPA" : "None";
  const args = installation.placement === "Namespaced" ? ["--namespace", namespace] : [];
  return deployment(installation, {
    name: setName(installation, component),
    owner,
    scaledBy,
    replicas,
    minReadySeconds: settleSeconds,
    labels: {},
    pod: { component, namespace, selector: selectorOf(installation, component), args, options },
  });
}

export function relayDeployment(installation: Installation, policy: Policy): KubeObject {
  const { namespace, name, spec, owner } = policy;
  const selector = selectorOf(installation, "relay", name);
  const options: PodOptions = layPodTemplate(installation.relay, spec.podTemplate);
  const args = ["--policy", `${namespace}/${name}`, "--namespace", namespace];
  return deployment(installation, {
    name: relayName(name),
    owner,
    scaledBy: spec.autoscaling.mode,
    replicas: spec.replicas,
    minReadySeconds: 0,
    labels: { [policyLabel]: selector[policyLabel] ?? "" },
    pod: { component: "relay", namespace, selector, args, options },
  });
}

interface Plan {
  readonly name: string;
  readonly owner: OwnerReference | undefined;
  readonly scaledBy: ScaledBy;
  readonly replicas: number;
  readonly minReadySeconds: number;
  readonly labels: Labels;
  readonly pod: DaemonPod;
}

function deployment(installation: Installation, plan: Plan): KubeObject {
  const { pod, scaledBy } = plan;
  const identity = {
    namespace: pod.namespace,
    name: plan.name,
    labels: { ...commonLabels(installation), [componentLabel]: pod.component, ...plan.labels },
    owner: plan.owner,
  };
  return object("apps/v1", "Deployment", identity, {
    spec: {
      ...(scaledBy === "None" ? { replicas: plan.replicas } : {}),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      ...(plan.minReadySeconds === 0 ? {} : { minReadySeconds: plan.minReadySeconds }),
      selector: { matchLabels: pod.selector },
      strategy: { type: "RollingUpdate", rollingUpdate: rollingUpdate(pod.options) },
      template: podTemplate(installation, pod),
    },
  });
}

const rollingUpdate = ({ podTemplate: { hostNetwork } }: PodOptions) =>
  hostNetwork === true ? { maxUnavailable: 1, maxSurge: 0 } : { maxUnavailable: 0, maxSurge: "25%" };
