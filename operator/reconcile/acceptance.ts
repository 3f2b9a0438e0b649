/**
 * Whether a resource takes effect: it means something, and nobody older has what it claims.
 *
 * In:     the resource and who holds what.
 * Out:    `accepted`, or the reason and a sentence with a remedy, for the condition `Accepted`.
 */
import { meaningFaults } from "../../crds/meaning.ts";
import { canonicalAddress, canonicalDomain, domainPart } from "../../crds/names.ts";
import { fieldOf } from "../../crds/problem.ts";
import type { Resource } from "../../crds/resource.ts";
import type { Relations } from "./relations.ts";
import {
  keyOf,
  type Mailbox,
  type MailDomain,
  namespaceOf,
  type RelayPolicy,
  splitKey,
} from "./resources.ts";

export type Acceptance =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly message: string };

export type Refusal = Extract<Acceptance, { kind: "refused" }>;

export type RefusalReason = "Invalid" | "DomainConflict" | "DomainNotFound" | "AddressConflict";

type Holders = Pick<Relations, "domains" | "addresses">;

const accepted: Acceptance = { kind: "accepted" };
const refused = (reason: RefusalReason, message: string): Acceptance => ({
  kind: "refused",
  reason,
  message,
});

export function acceptDomain(domain: MailDomain, { domains }: Pick<Holders, "domains">): Acceptance {
  const invalid = meaningOf("MailDomain", domain);
  if (invalid) return invalid;
  const name = canonicalDomain(domain.spec.domain) ?? "";
  const holder = domains.holder(name);
  if (holder === undefined || holder === keyOf(domain)) return accepted;
  return refused(
    "DomainConflict",
    `${name} belongs to MailDomain ${holder}, which is older; delete one of the two: this one takes over when that one is gone`,
  );
}

export function acceptMailbox(mailbox: Mailbox, holders: Holders): Acceptance {
  const invalid = meaningOf("Mailbox", mailbox);
  if (invalid) return invalid;
  const { address, aliases } = mailbox.spec;
  for (const one of [address, ...aliases]) {
    const stranger = inOurDomain(mailbox, one, holders);
    if (stranger) return stranger;
  }
  const own = canonicalAddress(address) ?? address;
  const holder = holders.addresses.holder(own);
  if (holder === undefined || holder === keyOf(mailbox)) return accepted;
  return refused(
    "AddressConflict",
    `${own} belongs to Mailbox ${holder}, which is older; give one of the two another address, or delete it`,
  );
}

function inOurDomain(mailbox: Mailbox, address: string, { domains }: Holders): Acceptance | undefined {
  const name = domainPart(canonicalAddress(address) ?? address);
  const namespace = namespaceOf(mailbox);
  const holder = domains.holder(name);
  if (holder === undefined)
    return refused(
      "DomainNotFound",
      `no MailDomain declares ${name}; add one to namespace ${namespace}, or correct the address`,
    );
  if (splitKey(holder).namespace === namespace) return undefined;
  return refused(
    "DomainConflict",
    `${name} belongs to namespace ${splitKey(holder).namespace} (MailDomain ${holder}); a Mailbox must be in its domain's namespace`,
  );
}

export const acceptPolicy = (policy: RelayPolicy): Acceptance => meaningOf("RelayPolicy", policy) ?? accepted;

function meaningOf(
  kind: Resource["kind"],
  { spec }: MailDomain | Mailbox | RelayPolicy,
): Acceptance | undefined {
  const [fault] = meaningFaults({ kind, spec } as Pick<Resource, "kind" | "spec">);
  return fault && refused("Invalid", `${fieldOf(fault.path)}: ${fault.message}`);
}
