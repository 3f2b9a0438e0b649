/**
 * How a resource goes: what is queued for it is delivered or returned first, within a time that is known.
 *
 * In:     the resource's deletion policy, when it was deleted, what is still queued.
 * Out:    the next step. Pure.
 * Limits: `Drain` takes `deletionTimeout` at most; what is left then is returned to its senders. Returning may take
 *         `returnMs`; after that the resource goes whatever is left, with a warning: also when the store does not answer.
 *         In a namespace that is being deleted the relays go first, so that nothing can be drained: all is returned at
 *         once.
 */
export interface DepartureFacts {
  readonly policy: "Drain" | "Bounce" | "Orphan";
  /** All times in ms since the epoch. */
  readonly deleted: number;
  readonly timeoutMs: number;
  readonly now: number;
  /** It had effect: else nothing can be queued for it. */
  readonly effective: boolean;
  readonly namespaceLeaves: boolean;
  /** Every ready pod knows that nothing new may be accepted. */
  readonly closed: boolean;
  /** Jobs that are queued; `undefined`: the store does not say. */
  readonly left: number | undefined;
}

export type Departure =
  /** Nothing holds it any more. `abandoned`: queued mail stays behind, `undefined` of an unknown number. */
  | { readonly step: "go"; readonly abandoned?: { readonly left: number | undefined } }
  /** Order that what is left be returned. */
  | { readonly step: "return"; readonly until: number }
  /** Look again after `ms`. */
  | { readonly step: "wait"; readonly until: number; readonly ms: number };

/** How long returning may take. */
export const returnMs = 300_000;
const lookMs = 5_000;

export function departure(facts: DepartureFacts): Departure {
  const { policy, deleted, timeoutMs, now, effective, namespaceLeaves, closed, left } = facts;
  if (policy === "Orphan" || !effective) return { step: "go" };
  if (left === 0 && closed) return { step: "go" };
  const returning = policy === "Bounce" || namespaceLeaves ? deleted : deleted + timeoutMs;
  const end = returning + returnMs;
  if (now >= end) return { step: "go", ...(left === 0 ? {} : { abandoned: { left } }) };
  if (now >= returning && left !== undefined && left > 0) return { step: "return", until: end };
  const next = now < returning ? returning : end;
  return { step: "wait", until: next, ms: Math.max(1, Math.min(lookMs, next - now)) };
}
