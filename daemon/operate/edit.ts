/**
 * What each steering command of `postfleet queue` makes of a job, and how the message's trace tells of it. Pure.
 *
 * In:     the command and its options.
 * Out:    an `Edit`: the job's next record (`undefined`: it is removed), and the trace event.
 * Fails:  `CommandError` on wrong usage.
 */
import type { EventDetail } from "../queue/events.ts";
import type { Job } from "../queue/job.ts";
import { usage } from "./command-error.ts";

export interface Edit {
  apply(job: Job, now: number): Job | undefined;
  readonly event: EventDetail;
}

export interface EditFlags {
  readonly reason?: string | undefined;
  readonly to?: string | undefined;
}

/** `undefined`: there is no such command. */
export function editOf(command: string, { reason = "", to }: EditFlags): Edit | undefined {
  switch (command) {
    case "retry":
      return {
        apply: (job, now) => ({ ...without(job, "held"), nextAttempt: now, urgent: true }),
        event: { kind: "retried" },
      };
    case "hold":
      return { apply: (job, now) => ({ ...job, held: { since: now } }), event: { kind: "held" } };
    case "release":
      return { apply: (job) => without(job, "held"), event: { kind: "released" } };
    case "bounce":
      return {
        apply: (job) => ({ ...without(job, "held"), order: { kind: "bounce", reason } }),
        event: { kind: "bounced", reason },
      };
    case "route":
      return reroute(to);
    case "purge":
      return { apply: () => undefined, event: { kind: "purged" } };
    default:
      return undefined;
  }
}

function reroute(to: string | undefined): Edit {
  if (to === "mx") return { apply: (job) => without(job, "reroute"), event: { kind: "unrouted" } };
  const match = /^(?<host>.+):(?<port>\d{1,5})$/.exec(to ?? "");
  const port = Number(match?.groups?.["port"]);
  if (!match?.groups || port < 1 || port > 65_535) throw usage("route needs --to HOST:PORT, or --to mx");
  const host = (match.groups["host"] as string).replace(/^\[|\]$/g, "");
  return {
    apply: (job, now) => ({ ...job, reroute: { host, port }, nextAttempt: now, urgent: true }),
    event: { kind: "rerouted", host, port },
  };
}

const without = <K extends keyof Job>(job: Job, ...names: K[]): Job => {
  const copy: Partial<Job> = { ...job };
  for (const name of names) delete copy[name];
  return copy as Job;
};
