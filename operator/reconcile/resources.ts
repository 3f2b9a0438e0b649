/**
 * Our resources as the reconcilers hold them, and the few words that all of them share.
 */
import { canonicalAddress, domainPart } from "../../crds/names.ts";
import type {
  MailboxSpec,
  MailboxStatus,
  MailDomainSpec,
  MailDomainStatus,
  RelayPolicySpec,
  RelayPolicyStatus,
} from "../../crds/types.ts";
import { pausedAnnotation } from "../desired/names.ts";
import { apiGroup } from "../kube/kinds.ts";
import type { KubeObject, OwnerReference, Typed } from "../kube/object.ts";

export type MailDomain = Typed<MailDomainSpec, MailDomainStatus>;
export type Mailbox = Typed<MailboxSpec, MailboxStatus>;
export type RelayPolicy = Typed<RelayPolicySpec, RelayPolicyStatus>;

/** Any new value asks for the DNS records to be looked at now. */
export const recheckAnnotation = `${apiGroup}/check-dns`;

export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const at = key.indexOf("/");
  return { namespace: key.slice(0, at), name: key.slice(at + 1) };
}

export const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "";

/** Of its address and its aliases, as far as they can be read. */
export const domainsOf = ({ spec: { address, aliases } }: Mailbox): readonly string[] => [
  ...new Set([address, ...aliases].flatMap((one) => domainPart(canonicalAddress(one) ?? "") || [])),
];

export const isFrozen = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[pausedAnnotation] === "true";

export const isLeaving = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

export function ownerOf({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  const { name, uid = "" } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
