/**
 * Whether daemons know a domain: any state of it that is in force does, be it older than its spec.
 *
 * Out:    `known`: pods that have loaded `since` know it; else what keeps them from it.
 */
import type { DomainFault } from "../status/domain-fault.ts";
import { acceptDomain } from "./acceptance.ts";
import type { Publication } from "./publication.ts";
import type { Relations } from "./relations.ts";
import { isFrozen, isLeaving, keyOf, type MailDomain, namespaceOf } from "./resources.ts";

export type KnownDomain =
  | { readonly kind: "known"; readonly since: number }
  | { readonly kind: "fault"; readonly fault: DomainFault };

export interface KnownDomainParts {
  readonly relations: Pick<Relations, "domains">;
  readonly publication: Pick<Publication, "knownSince" | "failure">;
}

/** Whether specs of domains that daemons do not know make sense: many mailboxes may ask. */
const sound = new WeakMap<MailDomain, boolean>();

/** `holder`: the MailDomain that has the domain. */
export function knownDomain(parts: KnownDomainParts, domain: string, holder: MailDomain): KnownDomain {
  const { publication } = parts;
  const fault = (is: DomainFault["is"], why?: Error): KnownDomain => ({
    kind: "fault",
    fault: { is, domain, holder: keyOf(holder), ...(why ? { why: why.message } : {}) },
  });
  if (isLeaving(holder) && !isFrozen(holder)) return fault("leaving");
  const { name } = holder.metadata;
  const since = publication.knownSince({ kind: "MailDomain", namespace: namespaceOf(holder), name });
  if (since !== undefined) return { kind: "known", since };
  if (isFrozen(holder)) return fault("frozen");
  if (!isSound(holder, parts.relations)) return fault("refused");
  return fault("pending", publication.failure);
}

function isSound(holder: MailDomain, relations: KnownDomainParts["relations"]): boolean {
  const known = sound.get(holder) ?? acceptDomain(holder, relations).kind === "accepted";
  sound.set(holder, known);
  return known;
}
