/**
 * What people should read in `kubectl describe`: decisions, when they change.
 *
 * In:     the status that was told before, and the one that is told now.
 * Out:    events: refused (a warning with the remedy), accepted after a refusal, a Secret that lacks something or is of no use, a script that
 *         cannot be run. That a resource works is in its status, and no event: ten thousand of them would only be in the way.
 */
import type { Condition, KubeObject } from "../kube/object.ts";
import type { Events } from "../kube/port.ts";

interface Status {
  readonly conditions?: readonly Condition[];
}

/** What people must mend though the resource is accepted. */
const faults = new Set(["SecretMissing", "SecretUnusable", "InvalidSieve"]);

const find = (status: Status | undefined, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

export function announce(events: Events, about: KubeObject, before: Status | undefined, after: Status): void {
  const [was, is] = [find(before, "Accepted"), find(after, "Accepted")];
  if (is?.status === "False" && (was?.status !== "False" || was.reason !== is.reason))
    events.record(about, "Warning", is.reason, is.message);
  if (is?.status === "True" && was?.status === "False")
    events.record(about, "Normal", "Accepted", "it takes effect now");
  const [stood, stands] = [find(before, "Ready"), find(after, "Ready")];
  if (stands && faults.has(stands.reason) && stood?.message !== stands.message)
    events.record(about, "Warning", stands.reason, stands.message);
}
