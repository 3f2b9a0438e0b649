/**
 * The domain that a domain belongs to, as DMARC sees it.
 *
 * Fails:  rejects when the DNS does not tell, or with the signal's reason.
 * Spec:   RFC 9989 §4.10.2 (a walk up the DNS tree).
 */
import { type Lookup, nodeResolve } from "./lookup.ts";
import { createRecordLookup, getOrgDomain } from "./mailauth.ts";

export const organizationOf =
  (lookup: Lookup) =>
  (domain: string, signal: AbortSignal): Promise<string> =>
    getOrgDomain(domain, createRecordLookup(nodeResolve(lookup, signal)));
