/**
 * How far a resource has got, in the words of statuses: what keeps a publication waiting is told along. Pure.
 */
import type { PublicationFacts } from "../status/facts.ts";

type Progress = Extract<PublicationFacts, { kind: "published" }> | { readonly kind: "waiting" };

export function publicationFacts(progress: Progress, failure: Error | undefined): PublicationFacts {
  if (progress.kind === "published") return progress;
  return { kind: "waiting", ...(failure ? { why: failure.message } : {}) };
}
