/**
 * What jobs are queued for: class, policy and destination, and an operator's next hop if there is one. Jobs that share all
 * of it share a target, whose name is one string.
 *
 * The name is JSON, so that no name can be mistaken for another. Jobs for domains of ours share one target per
 * destination too.
 */
import type { Job, PolicyName } from "./job.ts";

export type TargetJob = Pick<Job, "class" | "policy" | "destination" | "reroute"> & {
  /** Its messages go also where the way is not as safe as the destination demands. */
  readonly tlsOptional?: true;
};

export const targetName = ({ class: cls, policy, destination, reroute, tlsOptional }: TargetJob): string =>
  JSON.stringify([cls, policy, destination, ...rest(reroute, tlsOptional)]);

const rest = (reroute: Job["reroute"], tlsOptional: true | undefined) =>
  tlsOptional ? [reroute ?? null, tlsOptional] : reroute ? [reroute] : [];

export const targetOfJob = ({ class: cls, policy, destination, reroute, sender }: Job): TargetJob => ({
  class: cls,
  policy,
  destination,
  ...(reroute ? { reroute } : {}),
  ...(sender.tlsOptional ? { tlsOptional: true } : {}),
});

export function parseTarget(name: string): TargetJob {
  const [cls, policy, destination, reroute, tlsOptional] = JSON.parse(name) as [
    Job["class"],
    Job["policy"],
    Job["destination"],
    (Job["reroute"] | null)?,
    true?,
  ];
  const job = { class: cls, policy, destination, ...(reroute ? { reroute } : {}) };
  return tlsOptional ? { ...job, tlsOptional } : job;
}

/** Told by how their names begin: a look at each of a million jobs must not parse. */
export function targetsOf(policy: PolicyName): (name: string) => boolean {
  const beginning = (cls: Job["class"]) => `${JSON.stringify([cls, policy]).slice(0, -1)},`;
  const [relay, local] = [beginning("relay"), beginning("local")];
  return (name) => name.startsWith(relay) || name.startsWith(local);
}
