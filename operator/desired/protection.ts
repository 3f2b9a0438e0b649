/**
 * What keeps pods up and apart: disruption budgets and service accounts without rights.
 */
import type { KubeObject } from "../kube/object.ts";
import type { Policy, SetPlace } from "./deployment.ts";
import type { Component, Installation, SetComponent } from "./installation.ts";
import {
  commonLabels,
  componentLabel,
  type Identity,
  type Labels,
  object,
  policyLabel,
  relayName,
  selectorOf,
  serviceAccountName,
  setName,
} from "./names.ts";

/** One pod at a time leaves its node; one that is not ready never holds a node up. */
export function setBudget(
  installation: Installation,
  component: SetComponent,
  { namespace, owner }: SetPlace,
): KubeObject {
  const name = setName(installation, component);
  const labels = { ...commonLabels(installation), [componentLabel]: component };
  return budget({ namespace, name, labels, owner }, 1, selectorOf(installation, component));
}

/** Relays share their work: a quarter (at least one) may leave at a time. */
export function relayBudget(installation: Installation, { namespace, name, owner }: Policy): KubeObject {
  const selector = selectorOf(installation, "relay", name);
  const labels = relayLabels(installation, name);
  return budget({ namespace, name: relayName(name), labels, owner }, "25%", selector);
}

function budget(identity: Identity, maxUnavailable: number | string, selector: Labels): KubeObject {
  return object("policy/v1", "PodDisruptionBudget", identity, {
    spec: { maxUnavailable, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: { matchLabels: selector } },
  });
}

/** Labels of an object that belongs to a policy's relay. */
export const relayLabels = (installation: Installation, policy: string): Labels => ({
  ...commonLabels(installation),
  [componentLabel]: "relay" satisfies Component,
  [policyLabel]: selectorOf(installation, "relay", policy)[policyLabel] ?? "",
});

/** Daemons ask nothing of the API server: no role is bound to it, and no token is mounted. */
export const daemonServiceAccount = (
  installation: Installation,
  { namespace, owner }: SetPlace,
): KubeObject => ({
  ...object(
    "v1",
    "ServiceAccount",
    {
      namespace,
      name: serviceAccountName(installation, namespace),
      labels: commonLabels(installation),
      owner,
    },
    { automountServiceAccountToken: false },
  ),
});
