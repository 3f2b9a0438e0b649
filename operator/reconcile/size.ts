/**
 * How many relay pods there are to be: the built-in scaler. Pure.
 *
 * In:     what the policy allows, the size now, what the relays tell, and what the last looks remembered.
 * Out:    the size, why, and what to remember.
 * Up:     at once, to due jobs over `targetDueJobs`; one more pod when the oldest due job has been waiting for a minute
 *         although there are few. At most doubled at a look, so that a wrong figure does little harm.
 * Down:   one pod at a time, after fewer have sufficed for `stabilization`. Never on missing figures.
 * Zero:   where `min` is 0, nothing is due and no session is open; up again when something is.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { RelayPolicySpec } from "../../crds/types.ts";
import type { PolicyFigures } from "./ports.ts";

export interface Memory {
  /** Since when fewer pods would have sufficed, ms on the monotonic clock. */
  readonly fewerSince?: number;
  /** The most that were wanted since then. */
  readonly most?: number;
}

export interface SizeFacts {
  readonly spec: RelayPolicySpec;
  readonly size: number;
  readonly figures: PolicyFigures | undefined;
  /** It is being deleted: what is queued must go. */
  readonly leaving: boolean;
  /** ms on the monotonic clock, and since the epoch. */
  readonly now: number;
  readonly nowWall: number;
  readonly memory: Memory | undefined;
}

export interface Decision {
  readonly size: number;
  readonly why: string;
  readonly memory: Memory;
}

export type Decide = (facts: SizeFacts) => Decision;

const oldMs = 60_000;

export function builtin(facts: SizeFacts): Decision {
  const { spec, size, figures, leaving, now, memory = {} } = facts;
  const { max, stabilization } = spec.autoscaling;
  const min = Math.min(
    leaving && figures?.deferred ? Math.max(1, spec.autoscaling.min) : spec.autoscaling.min,
    max,
  );
  if (size < min) return { size: min, why: `min is ${min}`, memory: {} };
  if (size > max) return { size: max, why: `max is ${max}`, memory: {} };
  if (!figures) return { size, why: "figures are missing", memory: {} };
  const wanted = Math.min(max, Math.max(min, wantedBy(facts, figures)));
  if (wanted > size) {
    const next = Math.min(wanted, Math.max(1, size * 2));
    return { size: next, why: `${figures.due} jobs are due`, memory: {} };
  }
  if (wanted === size) return { size, why: "it fits", memory: {} };
  const since = memory.fewerSince ?? now;
  const most = Math.max(memory.most ?? 0, wanted);
  if (now - since < (parseDuration(stabilization) ?? 0)) {
    return { size, why: "fewer would do, for now", memory: { fewerSince: since, most } };
  }
  if (most >= size) return { size, why: "it fits", memory: {} };
  // The next one may go at the next look: fewer have sufficed for long enough.
  return {
    size: size - 1,
    why: `${most} have sufficed for ${stabilization}`,
    memory: { fewerSince: since, most },
  };
}

function wantedBy({ spec, size, nowWall }: SizeFacts, { due, oldestDue, members }: PolicyFigures): number {
  const byJobs = Math.ceil(due / spec.autoscaling.targetDueJobs);
  const late = oldestDue !== undefined && nowWall - oldestDue > oldMs;
  // Few jobs that wait for long: each pod has as many connections as it may have.
  const byAge = late && !spec.paused ? size + 1 : 0;
  const busy = members.some(({ sessions }) => sessions > 0) ? 1 : 0;
  return Math.max(byJobs, byAge, busy);
}

/** What it costs to end a pod now, for `pod-deletion-cost`: sessions that would be cut, then jobs. */
export const podCosts = (
  pods: readonly string[],
  { members }: PolicyFigures,
): readonly (readonly [pod: string, cost: number])[] =>
  pods.map((pod) => {
    const member = members.find((each) => each.pod === pod);
    return [pod, (member?.sessions ?? 0) * 1_000 + Math.min(999, member?.due ?? 0)] as const;
  });
