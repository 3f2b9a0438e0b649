/**
 * What `helm --wait`, Flux and Argo make of a resource: the rules of kstatus for kinds that it does not know.
 */
import type { Condition } from "../../crds/types.ts";

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
}

export function kstatus(generation: number, status: Status | undefined): "Current" | "InProgress" | "Failed" {
  const is = (type: string) => status?.conditions?.find((one) => one.type === type)?.status;
  if (status?.observedGeneration !== generation) return "InProgress";
  if (is("Stalled") === "True") return "Failed";
  if (is("Reconciling") === "True") return "InProgress";
  return is("Ready") === "True" ? "Current" : "InProgress";
}

/** `Type=Status Reason`, one a line. */
export const told = (status: Status | undefined): string[] =>
  (status?.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);

export const messageOf = (status: Status | undefined, type: string): string =>
  status?.conditions?.find((one) => one.type === type)?.message ?? "";
