/**
 * The one place that decides what outcomes mean for a job: which recipients leave, when the rest is tried again, who is
 * told. Pure: `deliver/finish` carries it out in one atomic batch.
 *
 * In:     the job, one outcome per recipient in the same order (`undefined`: not tried), the time, the policy's numbers.
 * Out:    the job's next record or `undefined` (done), the reports to send, the trace events.
 * Fails:  never.
 * Spec:   RFC 5321 §4.5.4.1 (retries, delay notice), §6.1 (a report for each failure); RFC 3461 §5.2.
 *
 * - Delivered or failed: the recipient leaves. Deferred: it stays, unless the message's lifetime is over: then it failed
 *   with Status 5.4.7, and the last answer is the diagnostic. An order to bounce fails all that is not delivered.
 * - One failure report covers all recipients that failed at once; a delay report is sent once in a job's life.
 * - A message with a null sender, a report above all, never begets a report: when it fails it is dropped, and a trace
 *   event says so. (Postfix tells its postmaster of such double bounces; here the trace is the place to look.)
 */
import type { Chance } from "../kit/clock.ts";
import type { Report } from "../mail/dsn/report.ts";
import type { Outcome } from "../mail/outcome.ts";
import { attemptEvents, type Deferred, type Ending, endingsOf } from "./endings.ts";
import type { TraceEvent } from "./events.ts";
import { type Attempt, historyLimit, type Job, type MessageId } from "./job.ts";
import { reportsOf } from "./reports.ts";
import { delayNoticeDue, expiresAt, nextAttempt, type RetryNumbers } from "./retry.ts";

export interface Attempted {
  readonly job: Job;
  /** In the order of the job's recipients. */
  readonly outcomes: readonly (Outcome | undefined)[];
  /** When the attempt ended, ms since the epoch. */
  readonly now: number;
  readonly retry: RetryNumbers;
  /** Our name. */
  readonly reportingMta: string;
  readonly chance: Chance;
  /** Ids for the reports. */
  readonly newId: () => MessageId;
  /** How long the attempt took. */
  readonly ms?: number;
}

export interface Plan {
  /** The very same object as `job` when nothing was tried and nothing was ordered: there is nothing to write. */
  readonly next: Job | undefined;
  readonly reports: readonly Report[];
  readonly events: readonly TraceEvent[];
}

const historyText = 500;

export function plan(attempted: Attempted): Plan {
  const { job, outcomes, now, retry, ms } = attempted;
  const again = nextAttempt({
    attempts: job.attempts + 1,
    queuedAt: job.queuedAt,
    now,
    policy: retry,
    chance: attempted.chance,
    notBefore: soonest(outcomes),
  });
  const endings = endingsOf(job, outcomes, again.kind === "expired");
  const staying = endings.filter(({ kind }) => kind === "deferred" || kind === "untried");
  const delayDue = !job.delayNoticeSent && delayNoticeDue(job.queuedAt, now, retry);
  const retryUntil = expiresAt(job.queuedAt, retry);
  const reports = reportsOf({ ...attempted, endings, delayDue, retryUntil });
  const told = reports.some(({ kind }) => kind === "delay");
  const at = again.kind === "retry" && staying.some(isDeferred) ? again.at : now;
  return {
    next: staying.length === 0 ? undefined : nextJob(job, staying, endings, now, at, told),
    reports,
    events: eventsOf(job, now, endings, reports, at, ms),
  };
}

const isDeferred = (ending: Ending): ending is Deferred => ending.kind === "deferred";

/** The earliest time at which any deferred recipient may be tried; the schedule decides where a reason names none. */
function soonest(outcomes: readonly (Outcome | undefined)[]): number {
  let soonest = Number.POSITIVE_INFINITY;
  for (const outcome of outcomes)
    if (outcome?.kind === "deferred") soonest = Math.min(soonest, outcome.notBefore ?? 0);
  return soonest === Number.POSITIVE_INFINITY ? 0 : soonest;
}

function nextJob(
  job: Job,
  staying: readonly Ending[],
  endings: readonly Ending[],
  now: number,
  at: number,
  told: boolean,
): Job {
  if (endings.every(({ kind }) => kind === "untried")) return job;
  const { urgent: _, ...rest } = job;
  return {
    ...rest,
    recipients: staying.map(({ recipient }) => recipient),
    attempts: job.attempts + 1,
    nextAttempt: at,
    history: [...job.history, ...attemptsOf(staying, now)].slice(-historyLimit),
    ...(told ? { delayNoticeSent: true } : {}),
  };
}

/** The answers of this attempt for those that stay, each once: the history is for people, and the record stays small. */
function attemptsOf(staying: readonly Ending[], at: number): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const ending of staying) {
    if (!isDeferred(ending)) continue;
    const { remote, bounce } = ending;
    const text = ending.reply.text.slice(0, historyText).toWellFormed();
    const reply = { ...ending.reply, text };
    const id = JSON.stringify([remote?.name, remote?.address, reply.code, reply.enhanced, text]);
    attempts.set(id, { at, reply, bounce, ...(remote === undefined ? {} : { remote }) });
  }
  return [...attempts.values()];
}

function eventsOf(
  job: Job,
  at: number,
  endings: readonly Ending[],
  reports: readonly Report[],
  nextAttempt: number,
  ms: number | undefined,
): TraceEvent[] {
  const base = { at, message: job.message, group: job.group };
  const events = attemptEvents(base, endings, nextAttempt, ms);
  for (const { kind, id, to } of reports)
    events.push({ ...base, kind: "dsn", report: kind, id: id as MessageId, to });
  if (job.sender.path === "" && endings.some(({ kind }) => kind === "failed"))
    events.push({ ...base, kind: "dropped", reason: "it failed, and it has no sender who could be told" });
  return events;
}
