/**
 * Everything that one set of daemons consists of, in the order in which it is to be applied: what pods need first.
 */
import type { KubeObject } from "../kube/object.ts";
import { relayAutoscaler, setAutoscaler } from "./autoscaler.ts";
import { type Policy, relayDeployment, type SetPlace, setDeployment } from "./deployment.ts";
import type { Installation, SetComponent } from "./installation.ts";
import { relayNetworkPolicy, setNetworkPolicy } from "./network-policy.ts";
import { daemonServiceAccount, relayBudget, setBudget } from "./protection.ts";
import { setServices } from "./service.ts";

/** What every namespace with daemons has once, whatever runs there (its Secret apart). */
export const tenant = (installation: Installation, place: SetPlace): readonly KubeObject[] => [
  daemonServiceAccount(installation, place),
];

const set = (installation: Installation, component: SetComponent, place: SetPlace): readonly KubeObject[] => [
  ...(installation.networkPolicies ? [setNetworkPolicy(installation, component, place)] : []),
  ...setServices(installation, component, place),
  setBudget(installation, component, place),
  setDeployment(installation, component, place),
  ...some(setAutoscaler(installation, component, place)),
];

export const gatewaySet = (installation: Installation, place: SetPlace): readonly KubeObject[] =>
  set(installation, "gateway", place);

export const mailboxSet = (installation: Installation, place: SetPlace): readonly KubeObject[] =>
  set(installation, "mailbox", place);

/** `lmtpPorts`: of the MailDomains in the policy's namespace that deliver by LMTP. */
export const relaySet = (
  installation: Installation,
  policy: Policy,
  lmtpPorts: readonly number[] = [],
): readonly KubeObject[] => [
  ...(installation.networkPolicies ? [relayNetworkPolicy(installation, policy, lmtpPorts)] : []),
  relayBudget(installation, policy),
  relayDeployment(installation, policy),
  ...some(relayAutoscaler(installation, policy)),
];

const some = (object: KubeObject | undefined): readonly KubeObject[] => (object ? [object] : []);
