/**
 * Which reports a job's endings call for.
 *
 * In:     the job and its endings, after an attempt or an order.
 * Out:    at most one report of each kind; none for a null sender, none that nobody asked for.
 * Fails:  never.
 * Spec:   RFC 3461 §4.1, §5.2, §6; RFC 5321 §4.5.5.
 */
import type { Report, ReportedRecipient, ReportKind } from "../mail/dsn/report.ts";
import { actionOf, dsnWanted } from "../mail/dsn/wanted.ts";
import type { Ending } from "./endings.ts";
import type { Job, MessageId } from "./job.ts";

export interface Reporting {
  readonly job: Job;
  readonly endings: readonly Ending[];
  readonly now: number;
  /** The moment for the job's one delay report has come. */
  readonly delayDue: boolean;
  /** The end of the message's lifetime. */
  readonly retryUntil: number;
  readonly reportingMta: string;
  readonly newId: () => MessageId;
}

export function reportsOf(reporting: Reporting): readonly Report[] {
  if (reporting.job.sender.path === "") return [];
  const reports: Report[] = [];
  for (const kind of ["failure", "delay", "success"] as const) {
    const report = reportOf(kind, reporting);
    if (report) reports.push(report);
  }
  return reports;
}

function reportOf(kind: ReportKind, reporting: Reporting): Report | undefined {
  const { job, endings, now, retryUntil, reportingMta, newId, delayDue } = reporting;
  const { path, smtputf8, envid, requireTls } = job.sender;
  const ret = requireTls ? "HDRS" : job.sender.ret; // RFC 8689 §5
  if (path === "" || (kind === "delay" && !delayDue)) return undefined;
  const recipients: ReportedRecipient[] = [];
  for (const ending of endings) {
    if (!dsnWanted(path, ending.recipient.notify, kind)) continue;
    const reported = reportedIn(kind, ending);
    if (reported) recipients.push(reported);
  }
  if (recipients.length === 0) return undefined;
  return {
    kind,
    id: newId(),
    at: now,
    reportingMta,
    to: path,
    message: {
      id: job.message,
      queuedAt: job.queuedAt,
      smtputf8,
      ...(envid === undefined ? {} : { envid }),
      ...(ret === undefined ? {} : { ret }),
    },
    ...(kind === "delay" ? { retryUntil } : {}),
    recipients,
  };
}

/** The recipient's place in a report of this kind, if it has one. */
function reportedIn(kind: ReportKind, ending: Ending): ReportedRecipient | undefined {
  if (ending.kind === "untried") return undefined;
  const { recipient, reply, remote } = ending;
  const base = { recipient, reply, ...(remote === undefined ? {} : { remote }) };
  if (kind === "failure" && ending.kind === "failed")
    return { ...base, action: "failed", ...(ending.cause === undefined ? {} : { cause: ending.cause }) };
  if (kind === "delay" && ending.kind === "deferred") return { ...base, action: "delayed" };
  const action = kind === "success" && ending.kind === "delivered" ? actionOf(ending.how) : undefined;
  return action && { ...base, action };
}
