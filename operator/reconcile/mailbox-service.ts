/**
 * Whether daemons serve a mailbox: they know it by its domains. As long as they do not know these, they refuse its mail and its
 * logins, though they may know the mailbox.
 *
 * In:     an accepted mailbox; who holds its domains, what is published, what pods have loaded; whether it was served before.
 * Out:    how far the mailbox itself has got, and what of its domains keeps it from being served. Whoever waits for pods is
 *         woken when they know all of it.
 */
import type { Installation } from "../desired/installation.ts";
import type { DomainFault } from "../status/domain-fault.ts";
import { servingNamespace } from "./domain-facts.ts";
import type { Fleet } from "./fleet.ts";
import { knownDomain } from "./known-domain.ts";
import type { Progress } from "./progress.ts";
import type { Publication } from "./publication.ts";
import type { Relations } from "./relations.ts";
import { domainsOf, keyOf, type Mailbox } from "./resources.ts";

export interface Service {
  readonly progress: Progress;
  readonly fault?: DomainFault;
}

export interface ServiceParts {
  readonly installation: Pick<Installation, "placement" | "namespace">;
  readonly relations: Pick<Relations, "holderOf" | "domains">;
  readonly publication: Pick<Publication, "stateOf" | "knownSince" | "failure">;
  readonly fleet: Pick<Fleet, "follow" | "progress">;
}

/** A domain of a mailbox, and the MailDomain that has it. */
type Place = Pick<DomainFault, "domain" | "holder">;

type Standing =
  | { readonly kind: "fault"; readonly fault: DomainFault }
  /** Pods with this revision know all its domains. `last`: the one that came to be known last. */
  | { readonly kind: "known"; readonly since: number; readonly last?: Place };

export function serviceOf(parts: ServiceParts, mailbox: Mailbox, wasReady: boolean): Service {
  const standing = standingOf(parts, mailbox);
  if (standing.kind === "fault")
    return { progress: progressWith(parts, mailbox, 0).progress, fault: standing.fault };
  const { since, last } = standing;
  const { progress, knowsDomains } = progressWith(parts, mailbox, since);
  // Pods that serve it are told of another state of a domain that they know; who waits is told of the first one.
  if (knowsDomains || wasReady || last === undefined) return { progress };
  return { progress, fault: { is: "pending", ...last } };
}

/** Every pod that should serve it does, and there is one. */
export const isServed = ({ progress, fault }: Service): boolean =>
  !fault && progress.kind === "published" && progress.ready > 0 && progress.loaded >= progress.ready;

function standingOf(parts: ServiceParts, mailbox: Mailbox): Standing {
  let all: Extract<Standing, { kind: "known" }> = { kind: "known", since: 0 };
  for (const domain of domainsOf(mailbox)) {
    const holder = parts.relations.holderOf(domain);
    if (!holder) continue; // the mailbox is not accepted, and says so
    const known = knownDomain(parts, domain, holder);
    if (known.kind === "fault") return known;
    if (known.since > all.since) all = { ...known, last: { domain, holder: keyOf(holder) } };
  }
  return all;
}

function progressWith(
  { installation, publication, fleet }: ServiceParts,
  { metadata: { namespace = "", name } }: Mailbox,
  since: number,
): { readonly progress: Progress; readonly knowsDomains: boolean } {
  const state = publication.stateOf({ kind: "Mailbox", namespace, name });
  if (state.kind === "waiting") return { progress: state, knowsDomains: true };
  const where = servingNamespace(installation, namespace);
  const readers = { namespace: where, components: ["gateway", "mailbox"], some: true } as const;
  const revision = Math.max(state.revision, since);
  const both = fleet.follow(`Mailbox/${namespace}/${name}`, [{ ...readers, revision }]);
  if (both.loaded >= both.ready) return { progress: { kind: "published", ...both }, knowsDomains: true };
  const own = fleet.progress({ ...readers, revision: state.revision });
  const domains = fleet.progress({ ...readers, revision: since });
  return { progress: { kind: "published", ...own }, knowsDomains: domains.loaded >= domains.ready };
}
