/**
 * What our objects are called, and the labels by which they are found. A name that would grow too long ends in a digest
 * of itself, so that it stays unique.
 */
import { createHash } from "node:crypto";
import { apiGroup, fieldManager } from "../kube/kinds.ts";
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Component, Installation, ServiceName, SetComponent } from "./installation.ts";

/** Holds a resource back until its queued mail is dealt with. */
export const finalizer = `${apiGroup}/queue`;
/** On a resource, `"true"`: nothing of it is changed until it goes. */
export const pausedAnnotation = `${apiGroup}/paused`;
export const policyLabel = `${apiGroup}/policy`;
export const componentLabel = "app.kubernetes.io/component";
export const instanceLabel = "app.kubernetes.io/instance";
export const managedByLabel = "app.kubernetes.io/managed-by";

/** Pods get 6 to 17 characters more than their Deployment, and a pod's name is a host name of at most 63. */
const longest = 46;
const longestObject = 253;
/** A label's value. RFC 1123 allows a label of 63 octets. */
const longestLabel = 63;

/** `name` with `suffix`, at most `limit` long. */
export function childName(name: string, suffix: string, limit = longestObject): string {
  if (name.length + suffix.length <= limit) return name + suffix;
  return shortened(name, name, limit - suffix.length) + suffix;
}

/** The beginning of `text`, and what tells `whole` from all others that begin so. */
function shortened(text: string, whole: string, limit: number): string {
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, 10);
  return `${text.slice(0, limit - digest.length - 1).replace(/[.-]+$/, "")}-${digest}`;
}

export const labelValue = (text: string): string => childName(text, "", longestLabel);

type Where = Pick<Installation, "name" | "placement">;

/** What the objects of a set begin with. */
const prefix = ({ name, placement }: Where): string => (placement === "Shared" ? name : "postfleet");

export const setName = (installation: Where, component: SetComponent): string =>
  childName(prefix(installation), `-${component}`, longest);
export const serviceName = (installation: Where, service: ServiceName): string =>
  childName(prefix(installation), service === "mtaSts" ? "-mta-sts" : `-${service}`, longestLabel);
/** A policy's name may have dots, which a pod's host name may not. */
export const relayName = (policy: string): string =>
  policy.includes(".")
    ? `${shortened(policy.replaceAll(".", "-"), policy, longest - "-relay".length)}-relay`
    : childName(policy, "-relay", longest);

/** What a daemon's pods mount: credentials of NATS and the key of the directory. */
export const daemonSecretName = (
  { name, namespace }: Pick<Installation, "name" | "namespace">,
  podNamespace: string,
): string => (podNamespace === namespace ? `${name}-daemon` : "postfleet-daemon");
/** Under which daemons run; it may do nothing. */
export const serviceAccountName = daemonSecretName;
export const keysSecretName = ({ name }: Pick<Installation, "name">): string => `${name}-keys`;
export const natsAuthSecretName = ({ name }: Pick<Installation, "name">): string => `${name}-nats-auth`;
export const natsUsersSecretName = ({ name }: Pick<Installation, "name">): string => `${name}-nats-users`;

export const dkimSecretName = (mailDomain: string): string => childName(mailDomain, "-dkim");
export const tlsSecretName = (mailDomain: string): string => childName(mailDomain, "-tls");

export type Labels = Readonly<Record<string, string>>;

/** Of everything that the operator makes. */
export const commonLabels = ({ name }: Pick<Installation, "name">): Labels => ({
  "app.kubernetes.io/name": "postfleet",
  [instanceLabel]: labelValue(name),
  [managedByLabel]: fieldManager,
});

/** Finds the pods of a set; it never changes, since a Deployment's selector cannot. */
export const selectorOf = (
  installation: Pick<Installation, "name">,
  component: Component,
  policy?: string,
): Labels => ({
  "app.kubernetes.io/name": "postfleet",
  [instanceLabel]: labelValue(installation.name),
  [componentLabel]: component,
  ...(policy === undefined ? {} : { [policyLabel]: labelValue(policy) }),
});

/** As `status.selector` and the API server's lists take it. */
export const selectorText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

export interface Identity {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations?: Labels;
  /** Gone with it; absent: nobody's. */
  readonly owner?: OwnerReference | undefined;
}

/** An object of ours; without `owner` or annotations it has no such field, so that those of others stay theirs. */
export function object(
  apiVersion: string,
  kind: string,
  { namespace, name, labels, annotations = {}, owner }: Identity,
  rest: Readonly<Record<string, unknown>>,
): KubeObject {
  const metadata = {
    name,
    namespace,
    labels,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(owner === undefined ? {} : { ownerReferences: [owner] }),
  };
  return { apiVersion, kind, metadata, ...rest };
}
