/**
 * How far what was decided about a resource has got: whether it is published, and how many of the ready pods that should
 * know it do.
 *
 * In:     the resource, and which pods should know it.
 * Out:    the progress, also in the words of statuses. Whoever lacks pods is woken when all of them know it.
 */
import type { Installation } from "../desired/installation.ts";
import type { PublicationFacts } from "../status/facts.ts";
import { servingNamespace } from "./domain-facts.ts";
import type { Fleet, Need } from "./fleet.ts";
import type { Named, Publication } from "./publication.ts";

export type Progress =
  | { readonly kind: "waiting" }
  | { readonly kind: "published"; readonly ready: number; readonly loaded: number };

/** Pods that should know a resource. */
export type Readers = Omit<Need, "revision">;

interface ProgressParts {
  readonly publication: Pick<Publication, "stateOf">;
  readonly fleet: Pick<Fleet, "follow">;
}

export function progressOf(
  { publication, fleet }: ProgressParts,
  resource: Named,
  readers: readonly Readers[],
): Progress {
  const state = publication.stateOf(resource);
  if (state.kind === "waiting") return state;
  const { kind, namespace, name } = resource;
  const needs = readers.map((each) => ({ ...each, revision: state.revision }));
  return { kind: "published", ...fleet.follow(`${kind}/${namespace}/${name}`, needs) };
}

/** Of a domain or a mailbox: the gateways and mailboxes that serve its namespace should know it, and there must be one at least. */
export function servedProgress(
  parts: ProgressParts & { readonly installation: Installation },
  resource: Named,
): Progress {
  const namespace = servingNamespace(parts.installation, resource.namespace);
  return progressOf(parts, resource, [{ namespace, components: ["gateway", "mailbox"], some: true }]);
}

/** Every ready pod knows it. */
export const isLoaded = (progress: Progress): boolean =>
  progress.kind === "published" && progress.loaded >= progress.ready;

/** What keeps a publication waiting is told along. */
export function publicationFacts(progress: Progress, failure: Error | undefined): PublicationFacts {
  if (progress.kind === "published") return progress;
  return { kind: "waiting", ...(failure ? { why: failure.message } : {}) };
}
