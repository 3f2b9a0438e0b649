/**
 * How many relay pods there are to be, as `desired/scaler.ts` decides it: what the reconcilers have in hand, in its words.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { RelayPolicySpec } from "../../crds/types.ts";
import { type ScalerState, scale, type Work } from "../desired/scaler.ts";
import type { PolicyFigures } from "./ports.ts";

export type Memory = ScalerState;

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

export function builtin({ spec, size, figures, leaving, now, nowWall, memory }: SizeFacts): Decision {
  const { min, max, targetDueJobs, stabilization } = spec.autoscaling;
  const needed = leaving && figures !== undefined && figures.due + figures.deferred > 0;
  const bounds = {
    min: needed ? Math.max(1, min) : min,
    max,
    targetDueJobs,
    stabilizationMs: parseDuration(stabilization) ?? 0,
  };
  const work = workOf(figures, size, nowWall);
  const { replicas, state } = scale(
    { bounds, paused: spec.paused && !leaving, now, current: size, work },
    memory,
  );
  return { size: replicas, why: whyOf(work), memory: state };
}

function workOf(figures: PolicyFigures | undefined, size: number, now: number): Work {
  if (!figures) return { kind: "unknown" };
  const { due, deferred, oldestDue, members } = figures;
  if (members.length === 0) {
    // Pods that are wanted and cannot be asked are starting, or in trouble.
    return size > 0 ? { kind: "unknown" } : { kind: "asleep", dueInMs: due > 0 ? 0 : undefined };
  }
  const sessions = members.reduce((sum, member) => sum + member.sessions, 0);
  const oldestDueMs = oldestDue === undefined ? 0 : Math.max(0, now - oldestDue);
  return { kind: "counted", due, oldestDueMs, sessions, jobs: due + deferred };
}

const whyOf = (work: Work): string =>
  work.kind === "counted"
    ? `${work.due} of ${work.jobs} jobs are due, the oldest for ${Math.round(work.oldestDueMs / 1_000)} s, ${work.sessions} sessions`
    : work.kind === "asleep"
      ? "no relay lives"
      : "figures are missing";
