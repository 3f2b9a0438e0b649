/**
 * Filters over whole records, such as the `--filter` of `postfleet queue`: `name=value` pairs joined by commas; a job must match them all. Values may hold
 * `*` for any text. Names: destination, sender, recipient, policy, class, state, message, bounce (what the
 * last answer was about, such as mailbox-full), reason (its words).
 */
import { glob } from "../kit/glob.ts";
import type { Job } from "../queue/job.ts";
import { usage } from "./command-error.ts";

export type JobState = "held" | "paused" | "ready" | "deferred";

/** Whether the delivery of the job's policy is paused. */
export type IsPaused = (job: Pick<Job, "class" | "policy">) => boolean;
const nothingPaused: IsPaused = () => false;

export function stateOf(job: Job, now: number, isPaused: IsPaused = nothingPaused): JobState {
  if (job.held) return "held";
  if (isPaused(job)) return "paused";
  return job.nextAttempt <= now ? "ready" : "deferred";
}

type Reader = (job: Job, now: number, isPaused: IsPaused) => readonly string[];

const readers: Readonly<Record<string, Reader>> = {
  destination: (job) => [job.destination],
  sender: (job) => [job.sender.path],
  recipient: (job) => job.recipients.map((r) => r.address),
  policy: (job) => [job.policy],
  class: (job) => [job.class],
  state: (job, now, isPaused) => [stateOf(job, now, isPaused)],
  message: (job) => [job.message],
  bounce: (job) => [job.history.at(-1)?.bounce ?? ""],
  reason: (job) => {
    const last = job.history.at(-1)?.reply;
    return last ? [`${last.code} ${last.enhanced} ${last.text}`] : [""];
  },
};

export const filterNames: readonly string[] = Object.keys(readers);

export type Filter = (job: Job, now: number, isPaused?: IsPaused) => boolean;

export function parseFilter(texts: readonly string[]): Filter {
  const tests = texts.flatMap((text) => text.split(",")).map(parseTerm);
  return (job, now, isPaused) => tests.every((matches) => matches(job, now, isPaused));
}

function parseTerm(term: string): Filter {
  const at = term.indexOf("=");
  const name = term.slice(0, at).trim();
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (at < 1 || read === undefined)
    throw usage(`--filter ${term}: give name=value, where name is one of ${filterNames.join(", ")}`);
  const fits = glob(term.slice(at + 1).trim());
  return (job, now, isPaused = nothingPaused) => read(job, now, isPaused).some(fits);
}
