/**
 * What is known of a resource when its status is written, as far as all kinds have it in common.
 */
import type { Condition } from "../../crds/types.ts";

export type Acceptance =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly reason: string; readonly message: string };

export type PublicationFacts =
  /** Not yet where daemons can read it. `why`: nothing can be published now. */
  | { readonly kind: "waiting"; readonly why?: string }
  /** `ready`: the pods that should know it and are ready; `loaded`: those of them that do. */
  | { readonly kind: "published"; readonly ready: number; readonly loaded: number };

/** How a resource under deletion is doing. */
export interface DeletionFacts {
  readonly policy: "Drain" | "Bounce" | "Orphan";
  /** Messages that are still queued; `undefined`: the store does not say. */
  readonly left: number | undefined;
  /** What is left is on its way back to its senders. */
  readonly returning: boolean;
  /** RFC 3339: until then what `policy` or `returning` say goes on. */
  readonly until: string;
}

/** What is wrong with the Secrets that a resource refers to: a sentence for each thing, with its remedy. */
export interface SecretFaults {
  /** Not there: it may still come. */
  readonly missing: readonly string[];
  /** There, and of no use: people must change it. */
  readonly unusable: readonly string[];
}

export interface CommonFacts<Status> {
  readonly generation: number;
  /** The status as it is. */
  readonly before: Status | undefined;
  /** RFC 3339. */
  readonly now: string;
  /** The annotation `mail.postfleet.dev/paused` keeps us from changing anything. */
  readonly frozen: boolean;
  readonly acceptance: Acceptance;
  /** It works without what is wrong. */
  readonly secrets: SecretFaults;
  readonly publication: PublicationFacts;
  /** No pod is wanted now, so none need know it. */
  readonly atRest?: boolean;
}

export interface AnyStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
}
