/**
 * The DNS records that a declared domain needs, for commands and console.
 *
 * In:     the domain's spec, the records of its DKIM keys, the names of our servers where the spec names none.
 * Out:    `DomainFacts`, from which `mail/zone/records` makes the records.
 */
import { deliveryOf } from "../../crds/choices.ts";
import type { MailDomainSpec } from "../../crds/types.ts";
import { stsPolicyOf } from "../directory/sts-policy.ts";
import type { Domain } from "../mail/address.ts";
import { stsPolicyId } from "../mail/mta-sts.ts";
import type { DomainFacts } from "../mail/zone/records.ts";

export interface Declared {
  readonly spec?: Pick<MailDomainSpec, "mtaSts" | "tlsReporting" | "delivery">;
  readonly mailHosts: readonly string[];
  readonly senders?: readonly string[] | undefined;
  readonly dkim: readonly { readonly selector: string; readonly record: string }[];
}

export function domainFacts(domain: Domain, { spec, mailHosts, senders, dkim }: Declared): DomainFacts {
  const policy = spec && stsPolicyOf({ mtaSts: spec.mtaSts, hostnames: [...mailHosts] }, "");
  const reportTo = spec?.tlsReporting?.reportTo;
  return {
    domain,
    mailHosts,
    ...(senders ? { senders } : {}),
    dkim,
    ...(policy === undefined ? {} : { mtaStsId: stsPolicyId(policy) }),
    ...(reportTo === undefined ? {} : { tlsReportTo: reportTo }),
    mailboxes: spec === undefined || deliveryOf(spec).mailbox !== undefined,
  };
}
