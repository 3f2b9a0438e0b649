/**
 * How `postfleet queue` shows a job to people. Pure.
 *
 * In:     a job's record, and its state. What strangers wrote into it (names, addresses, replies of other hosts) is shown as one line, and
 *         cannot steer a terminal.
 * Out:    `jobLine` for lists, columns with tabs between them; `jobLines` with everything there is.
 */
import { oneLine } from "../mail/text.ts";
import type { JobState } from "../operate/filter.ts";
import type { ToldJob } from "../operate/job-records.ts";
import type { Attempt } from "../queue/job.ts";

const longest = 2_000;

export function jobLine(job: ToldJob, state: JobState): string {
  const last = job.history.at(-1);
  const columns = [
    `${job.message}.${job.group}`,
    state,
    job.held ? "-" : when(job.nextAttempt),
    `${job.attempts}`,
    `<${job.sender.path}>`,
    job.recipients.map(({ address }) => address).join(","),
    last ? answerOf(last) : "-",
  ];
  return columns.map((text) => oneLine(text, longest)).join("\t");
}

export function jobLines(job: ToldJob, state: JobState): string[] {
  const { origin, reroute } = job;
  const rows: (readonly [name: string, text: string])[] = [
    ["message", `${job.message} (job ${job.group})`],
    ["state", `${state}, ${job.attempts} attempts`],
    ["queued", `${when(job.queuedAt)}, ${job.body.size} octets`],
  ];
  if (!job.held) rows.push(["next attempt", when(job.nextAttempt)]);
  rows.push(["sender", `<${job.sender.path}> from ${origin.client} (${origin.helo})`]);
  rows.push(["policy", `${job.policy}, destination ${job.destination}`]);
  if (reroute) rows.push(["next hop", `${reroute.host}:${reroute.port}, by order`]);
  for (const { address } of job.recipients) rows.push(["recipient", `<${address}>`]);
  for (const attempt of job.history)
    rows.push([
      "attempt",
      `${when(attempt.at)} ${attempt.remote?.name ?? "-"} ${classOf(attempt)}${answerOf(attempt)}`,
    ]);
  return rows.map(([name, text]) => `${name.padEnd(12)} ${oneLine(text, longest)}`);
}

const classOf = ({ bounce }: Attempt): string => (bounce === undefined ? "" : `[${bounce}] `);

const answerOf = ({ reply }: Attempt): string => `${reply.code} ${reply.enhanced} ${reply.text}`;

const when = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
