/**
 * How many relay pods a policy needs, for `autoscaling: {mode: Builtin}`. Pure: what was seen before is handed in and out.
 *
 * In:     what is due, for how long, how many sessions are open, and how many jobs there are in all.
 * Up:     at once, to what is needed now. Work that has been waiting for long counts more than once: those who are there
 *         evidently do not get it done. Pods with hardly a free worker ask for more, however little is due.
 * Down:   by one, when fewer were enough all the time for `stabilization`, and the last step is some time ago.
 * Blind:  when not every pod was heard, nothing shrinks, and the time for which fewer are enough begins anew.
 * Zero:   with `min: 0` the last pod goes like the others; one is started when something in the queue becomes due.
 */
export interface ScalerBounds {
  readonly min: number;
  readonly max: number;
  readonly targetDueJobs: number;
  readonly stabilizationMs: number;
}

export type Work =
  /** All pods were heard; `oldestDueMs`: how long the oldest due job has been waiting. */
  | {
      readonly kind: "counted";
      readonly due: number;
      readonly oldestDueMs: number;
      readonly sessions: number;
      /** Those that sleep, too. */
      readonly jobs: number;
    }
  /** No pod lives. In `dueInMs` the first job is due (0: now); `undefined`: nothing is queued. */
  | { readonly kind: "asleep"; readonly dueInMs: number | undefined }
  | { readonly kind: "unknown" };

export interface ScalerFacts {
  readonly bounds: ScalerBounds;
  /** `spec.paused`: nothing is sent, so that more pods would be of no use. */
  readonly paused: boolean;
  /** Monotonic, ms. */
  readonly now: number;
  /** The size that was asked for last. */
  readonly current: number;
  readonly work: Work;
}

/** Needs of the last while, largest first; those that a later one outdoes are left out. */
export interface ScalerState {
  /** Since when the needs are known without a gap. */
  readonly since: number;
  readonly needs: readonly { readonly at: number; readonly pods: number }[];
  readonly lastDown?: number;
}

export interface ScalerDecision {
  readonly replicas: number;
  readonly state: ScalerState;
  /** Look again after this long. */
  readonly wakeMs: number;
}

/** So often is looked: new pods are asked for well within 15 s of need. */
export const lookMs = 5_000;
/** Between two steps down: the partitions of the pod that left have new owners, and figures tell how those bear it. */
const stepMs = 30_000;
/** A process has 500 workers; at this many sessions hardly one is free. */
const fullSessions = 400;
/** A relay keeps 300 octets of each job in memory; in the chart's pods Node's heap has 384 MiB for them (docs/scale.md). */
const fullJobs = 500_000;
const lateMs = 60_000;
const veryLateMs = 300_000;

export function scale(facts: ScalerFacts, before: ScalerState | undefined): ScalerDecision {
  const { bounds, now, current, work } = facts;
  const need = podsNeeded(facts);
  if (need === undefined) {
    const state = { ...remembered(before), since: now, needs: [] };
    return { replicas: Math.max(current, bounds.min), state, wakeMs: lookMs };
  }
  const state = remember(before, need, facts);
  const wakeMs = work.kind === "asleep" ? Math.min(lookMs, Math.max(1, work.dueInMs ?? lookMs)) : lookMs;
  const replicas = sizeFor(need, state, facts);
  const down = replicas < current;
  return { replicas, state: down ? { ...state, lastDown: now } : state, wakeMs };
}

/** `undefined`: it cannot be told. */
function podsNeeded({ bounds, paused, work }: ScalerFacts): number | undefined {
  if (paused) return clamp(forMemory(work), bounds);
  switch (work.kind) {
    case "unknown":
      return undefined;
    case "asleep":
      return clamp(work.dueInMs !== undefined && work.dueInMs <= 0 ? 1 : 0, bounds);
    case "counted": {
      const { due, oldestDueMs, sessions } = work;
      const late = oldestDueMs >= veryLateMs ? 4 : oldestDueMs >= lateMs ? 2 : 1;
      const forDue = Math.ceil((due * late) / bounds.targetDueJobs);
      const forSessions = Math.ceil(sessions / fullSessions);
      return clamp(Math.max(forDue, forSessions, forMemory(work)), bounds);
    }
  }
}

/** What one pod holds asks for none: the last one may go while mail sleeps. */
const forMemory = (work: Work): number =>
  work.kind === "counted" && work.jobs > fullJobs ? Math.ceil(work.jobs / fullJobs) : 0;

/** `max` wins where the two contradict each other. */
const clamp = (pods: number, { min, max }: ScalerBounds): number => Math.min(max, Math.max(min, pods));

const remembered = (before: ScalerState | undefined): Pick<ScalerState, "lastDown"> =>
  before?.lastDown === undefined ? {} : { lastDown: before.lastDown };

function remember(before: ScalerState | undefined, need: number, { bounds, now }: ScalerFacts): ScalerState {
  const recent = (before?.needs ?? []).filter(
    ({ at, pods }) => at > now - bounds.stabilizationMs && pods > need,
  );
  return {
    ...remembered(before),
    since: before?.since ?? now,
    needs: [...recent, { at: now, pods: need }],
  };
}

function sizeFor(need: number, { since, needs, lastDown }: ScalerState, facts: ScalerFacts): number {
  const { bounds, now, current } = facts;
  if (need >= current) return need;
  // Whoever lowers `max` wants it now.
  if (current > bounds.max) return bounds.max;
  const { stabilizationMs } = bounds;
  const enough = needs[0]?.pods ?? need;
  const longKnown = now - since >= stabilizationMs;
  const pause = Math.min(stepMs, stabilizationMs);
  const rested = lastDown === undefined || now - lastDown >= pause;
  return enough < current && longKnown && rested ? current - 1 : current;
}

/** A pod as a candidate to leave. */
export interface Candidate {
  readonly pod: string;
  readonly due: number;
  readonly sessions: number;
}

/** The one whose leaving costs least: fewest open sessions, then least work to hand over. */
export const cheapest = (candidates: readonly Candidate[]): string | undefined =>
  candidates.toSorted((a, b) => a.sessions - b.sessions || a.due - b.due || (a.pod < b.pod ? -1 : 1))[0]?.pod;

export const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";
/** Below that of a pod that has none, which is 0. */
const cheap = "-1";

export interface CostPatch {
  readonly pod: string;
  /** `null`: the annotation goes. */
  readonly cost: string | null;
}

/** What is to be written so that `leaving` goes first; costs that others wrote stay. */
export function costPatches(
  pods: readonly { readonly name: string; readonly cost: string | undefined }[],
  leaving: string | undefined,
): readonly CostPatch[] {
  return pods.flatMap(({ name, cost }): CostPatch[] => {
    if (name === leaving) return cost === undefined ? [{ pod: name, cost: cheap }] : [];
    return cost === cheap ? [{ pod: name, cost: null }] : [];
  });
}
