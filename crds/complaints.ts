/**
 * Whether reports of abuse that a RelayPolicy waits for can come: they are read where mail is filed, in domains of its own
 * namespace.
 */

import { canonicalAddress, domainPart } from "./names.ts";
import type { RelayPolicySpec } from "./types.ts";

/** The domain to which reports come; `undefined`: none are waited for. */
export function complaintsDomain({ suppression }: RelayPolicySpec): string | undefined {
  const address = suppression?.complaints?.address;
  return address === undefined ? undefined : domainPart(canonicalAddress(address) ?? address);
}

export const noComplaintsDomain = (domain: string, namespace: string): string =>
  `no MailDomain of namespace ${namespace} declares ${domain}, so no report would come; name a mailbox in a domain of the namespace`;
