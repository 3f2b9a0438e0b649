/**
 * Conditions as the API conventions and kstatus want them.
 *
 * In:     what was said before, and what is to be said now.
 * Out:    conditions of our types in a fixed order. `lastTransitionTime` moves only when `status` changes, so that saying
 *         the same again is no change.
 * Spec:   Kubernetes API conventions, "Typical status properties"; kstatus: `Reconciling` and `Stalled` are there from the
 *         first visit, `observedGeneration` tells which spec was looked at.
 */
import type { Condition } from "../../crds/types.ts";

export interface Verdict {
  readonly type: string;
  readonly status: Condition["status"];
  /** CamelCase, for programs. */
  readonly reason: string;
  /** For people: what is, and what to do. */
  readonly message: string;
}

export interface Occasion {
  readonly generation: number;
  /** RFC 3339. */
  readonly now: string;
  readonly before: readonly Condition[] | undefined;
}

export function conditionsOf(
  verdicts: readonly Verdict[],
  { generation, now, before }: Occasion,
): Condition[] {
  const known = new Map(before?.map((condition) => [condition.type, condition]));
  return verdicts.map(({ type, status, reason, message }) => {
    const old = known.get(type);
    const since = old?.status === status ? old.lastTransitionTime : wholeSeconds(now);
    return {
      type,
      status,
      observedGeneration: generation,
      lastTransitionTime: since,
      reason,
      message: shortened(message),
    };
  });
}

/** As `metav1.Time` is written. */
export const wholeSeconds = (time: string): string => time.replace(/\.\d+Z$/, "Z");

/** The bound of the schema. */
const longest = 32_768;
const shortened = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;

export const yes = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "True",
  reason,
  message,
});
export const no = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "False",
  reason,
  message,
});
export const unknown = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "Unknown",
  reason,
  message,
});
