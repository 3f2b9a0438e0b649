/**
 * The kinds that the operator reads and writes.
 */
import type { Kind } from "../kube/port.ts";

const ours = "mail.postfleet.dev/v1alpha1";
const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});

export const mailDomains = kind(ours, "MailDomain", "maildomains");
export const mailboxes = kind(ours, "Mailbox", "mailboxes");
export const relayPolicies = kind(ours, "RelayPolicy", "relaypolicies");

export const namespaces = kind("v1", "Namespace", "namespaces", false);
export const pods = kind("v1", "Pod", "pods");
export const secrets = kind("v1", "Secret", "secrets");
export const serviceAccounts = kind("v1", "ServiceAccount", "serviceaccounts");
export const services = kind("v1", "Service", "services");
export const deployments = kind("apps/v1", "Deployment", "deployments");
export const disruptionBudgets = kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets");
export const networkPolicies = kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies");
export const autoscalers = kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers");
export const roleBindings = kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings");

/** CRDs of others, which may be there or not. */
export const scaledObjects = kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects");
export const certificates = kind("cert-manager.io/v1", "Certificate", "certificates");
export const dnsEndpoints = kind("externaldns.k8s.io/v1alpha1", "DNSEndpoint", "dnsendpoints");
