/**
 * Objects that let others choose the number of pods: a HorizontalPodAutoscaler or KEDA's ScaledObject for a relay, and a
 * HorizontalPodAutoscaler for gateway and mailbox sets.
 *
 * What they scale on: KEDA, and an HPA with `metric: DueJobs`, on due jobs per pod (the operator tells them; mail that
 * sleeps until its next try does not count); an HPA with `metric: Cpu`, and those of the sets, on the load of the pods.
 * Both go up at once and down one pod a minute, after the policy's stabilization, as the built-in scaler does.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Policy, SetPlace } from "./deployment.ts";
import type { Installation, SetComponent } from "./installation.ts";
import { commonLabels, componentLabel, labelValue, object, relayName, setName } from "./names.ts";
import { healthPort } from "./ports.ts";
import { relayLabels } from "./protection.ts";

/** A gauge of the operator, by `policy_namespace` and `policy`. */
const dueJobsMetric = "postfleet_policy_due_jobs";
/** Where the operator tells one policy's due jobs, as `{"due": 12}`. */
const scalingPath = (namespace: string, policy: string): string => `/scaling/${namespace}/${policy}`;

const setCpuPercent = 70;
const setStabilizationSeconds = 300;
/** The API server's bound. */
const longestWindowSeconds = 3600;
const pollSeconds = 15;

type Fields = Readonly<Record<string, unknown>>;

const target = (name: string): Fields => ({ apiVersion: "apps/v1", kind: "Deployment", name });

const behavior = (stabilizationSeconds: number): Fields => ({
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 100, periodSeconds: pollSeconds },
      { type: "Pods", value: 4, periodSeconds: pollSeconds },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: Math.min(longestWindowSeconds, stabilizationSeconds),
    selectPolicy: "Max",
    policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
  },
});

const cpu = (percent: number): Fields => ({
  type: "ContainerResource",
  containerResource: {
    name: "cpu",
    container: "postfleet",
    target: { type: "Utilization", averageUtilization: percent },
  },
});

const seconds = (text: string): number => (parseDuration(text) ?? 0) / 1_000;

/** `undefined`: the set has a fixed size. */
export function setAutoscaler(
  installation: Installation,
  component: SetComponent,
  { namespace, owner }: SetPlace,
): KubeObject | undefined {
  const { replicas, maxReplicas } = installation[component];
  if (maxReplicas <= replicas) return undefined;
  const name = setName(installation, component);
  const labels = { ...commonLabels(installation), [componentLabel]: component };
  return object(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    { namespace, name, labels, owner },
    {
      spec: {
        scaleTargetRef: target(name),
        minReplicas: Math.max(1, replicas),
        maxReplicas,
        metrics: [cpu(setCpuPercent)],
        behavior: behavior(setStabilizationSeconds),
      },
    },
  );
}

/** `undefined`: the operator, or nobody, scales the relay. */
export function relayAutoscaler(installation: Installation, policy: Policy): KubeObject | undefined {
  switch (policy.spec.autoscaling.mode) {
    case "HPA":
      return horizontalPodAutoscaler(installation, policy);
    case "KEDA":
      return scaledObject(installation, policy);
    default:
      return undefined;
  }
}

const identityOf = (installation: Installation, { namespace, name, owner }: Policy) => ({
  namespace,
  name: relayName(name),
  labels: relayLabels(installation, name),
  owner,
});

function horizontalPodAutoscaler(installation: Installation, policy: Policy): KubeObject {
  const { min, max, stabilization, metric, targetCpuPercent } = policy.spec.autoscaling;
  return object("autoscaling/v2", "HorizontalPodAutoscaler", identityOf(installation, policy), {
    spec: {
      scaleTargetRef: target(relayName(policy.name)),
      minReplicas: min,
      maxReplicas: max,
      metrics: [metric === "Cpu" ? cpu(targetCpuPercent) : dueJobs(policy)],
      behavior: behavior(seconds(stabilization)),
    },
  });
}

const dueJobs = ({ namespace, name, spec }: Policy): Fields => ({
  type: "External",
  external: {
    metric: {
      name: dueJobsMetric,
      selector: { matchLabels: { policy_namespace: namespace, policy: labelValue(name) } },
    },
    target: { type: "AverageValue", averageValue: String(spec.autoscaling.targetDueJobs) },
  },
});

function scaledObject(installation: Installation, policy: Policy): KubeObject {
  const { min, max, targetDueJobs, stabilization } = policy.spec.autoscaling;
  const operator = `http://${installation.name}-operator.${installation.namespace}.svc:${healthPort}`;
  return object("keda.sh/v1alpha1", "ScaledObject", identityOf(installation, policy), {
    spec: {
      scaleTargetRef: target(relayName(policy.name)),
      minReplicaCount: min,
      maxReplicaCount: max,
      pollingInterval: pollSeconds,
      cooldownPeriod: seconds(stabilization),
      advanced: {
        restoreToOriginalReplicaCount: false,
        horizontalPodAutoscalerConfig: { behavior: behavior(seconds(stabilization)) },
      },
      triggers: [
        {
          type: "metrics-api",
          metricType: "AverageValue",
          metadata: {
            url: operator + scalingPath(policy.namespace, policy.name),
            valueLocation: "due",
            targetValue: String(targetDueJobs),
            activationTargetValue: "0",
          },
        },
      ],
    },
  });
}
