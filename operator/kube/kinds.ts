/**
 * Every kind that the operator touches, and how it is addressed.
 */
import type { KubeObject } from "./object.ts";
import type { Kind } from "./port.ts";

const kind = (apiVersion: string, kind: string, plural: string, namespaced = true): Kind =>
  Object.freeze({ apiVersion, kind, plural, namespaced });

/** Of our resources; what we write on the objects of others begins with it. */
export const apiGroup = "mail.postfleet.dev";
/** What we apply is ours by this name, in managed fields, in labels and in audit logs. */
export const fieldManager = "postfleet-operator";
const ours = `${apiGroup}/v1alpha1`;

export const kinds = Object.freeze({
  MailDomain: kind(ours, "MailDomain", "maildomains"),
  Mailbox: kind(ours, "Mailbox", "mailboxes"),
  RelayPolicy: kind(ours, "RelayPolicy", "relaypolicies"),

  ConfigMap: kind("v1", "ConfigMap", "configmaps"),
  Namespace: kind("v1", "Namespace", "namespaces", false),
  Node: kind("v1", "Node", "nodes", false),
  PersistentVolumeClaim: kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  Pod: kind("v1", "Pod", "pods"),
  Secret: kind("v1", "Secret", "secrets"),
  Service: kind("v1", "Service", "services"),
  ServiceAccount: kind("v1", "ServiceAccount", "serviceaccounts"),
  Deployment: kind("apps/v1", "Deployment", "deployments"),
  ReplicaSet: kind("apps/v1", "ReplicaSet", "replicasets"),
  StatefulSet: kind("apps/v1", "StatefulSet", "statefulsets"),
  HorizontalPodAutoscaler: kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  Lease: kind("coordination.k8s.io/v1", "Lease", "leases"),
  EndpointSlice: kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
  Event: kind("events.k8s.io/v1", "Event", "events"),
  NetworkPolicy: kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  PodDisruptionBudget: kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  ClusterRole: kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
  Role: kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
  RoleBinding: kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  SelfSubjectAccessReview: kind(
    "authorization.k8s.io/v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    false,
  ),
  CustomResourceDefinition: kind(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    false,
  ),
  MutatingAdmissionPolicy: kind(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    false,
  ),
  MutatingAdmissionPolicyBinding: kind(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    false,
  ),

  /** Of others, when they are installed. */
  Certificate: kind("cert-manager.io/v1", "Certificate", "certificates"),
  DNSEndpoint: kind("externaldns.k8s.io/v1alpha1", "DNSEndpoint", "dnsendpoints"),
  ScaledObject: kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
  ServiceMonitor: kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
});

const byName = new Map(Object.values(kinds).map((each) => [`${each.apiVersion} ${each.kind}`, each]));

/** Throws for a kind that is not in the table: that is a mistake of ours. */
export function kindOf({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): Kind {
  const found = byName.get(`${apiVersion} ${kind}`);
  if (found === undefined) throw new Error(`operator/kube/kinds.ts does not know ${apiVersion} ${kind}`);
  return found;
}
