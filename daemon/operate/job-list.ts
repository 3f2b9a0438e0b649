/**
 * Jobs for people: pages of the queue with their records read, and what an order to many of them would touch.
 *
 * Where a question is about what only records tell (sender, recipient, last reply), at most `EXAMINED` records are read for
 * one answer, which then says where to go on.
 *
 * Fails: `QueueError` or `StoreFault` when the store does not answer.
 */
import type { Order, QueueState, Selection } from "../queue/inquiry.ts";
import type { Job, JobKey } from "../queue/job.ts";
import type { Queue } from "../queue/queue.ts";
import { type Filter, parseFilter } from "./filter.ts";
import type { Lacking, QueueIndex } from "./queue-index.ts";

/** What is asked of records: patterns with `*`. */
export interface RecordPatterns {
  readonly sender?: string;
  readonly recipient?: string;
  readonly reason?: string;
}

export interface Wanted {
  readonly of: Selection;
  readonly patterns: RecordPatterns;
}

export interface FoundJob {
  readonly key: JobKey;
  readonly state: QueueState;
  readonly job: Job;
}

export interface JobPage extends Lacking {
  readonly jobs: readonly FoundJob[];
  /** How many fit `of`, whatever their records say. */
  readonly matching: number;
  /** Records that were read for this page. */
  readonly examined: number;
  /** Where to go on; absent: this was the last page. */
  readonly after?: string;
}

export interface Paging {
  readonly order: Order;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface JobReading {
  readonly queue: Pick<Queue, "read">;
  readonly index: QueueIndex;
}

const EXAMINED = 1_000;
const CHUNK = 250;

export async function jobPage(
  { queue, index }: JobReading,
  { of, patterns }: Wanted,
  { order, after: from, limit }: Paging,
  signal: AbortSignal,
): Promise<JobPage> {
  const fits = filterOf(patterns);
  const chunk = fits === undefined ? limit : CHUNK;
  const jobs: FoundJob[] = [];
  let examined = 0;
  let after = from;
  for (;;) {
    const cursor = after === undefined ? {} : { after };
    const { jobs: listed, ...rest } = await index.page(of, { order, limit: chunk, ...cursor }, signal);
    const records = await Promise.all(listed.map(({ key }) => queue.read(key, signal)));
    for (const [i, { key, state, cursor: place }] of listed.entries()) {
      if (jobs.length >= limit) return { ...rest, jobs, examined, after: after as string };
      after = place;
      examined++;
      const job = records[i]?.job;
      if (job && (fits === undefined || fits(job, 0))) jobs.push({ key, state, job });
    }
    if (listed.length < chunk) return { ...rest, jobs, examined };
    if (jobs.length >= limit || examined >= EXAMINED)
      return { ...rest, jobs, examined, after: after as string };
  }
}

/** As `--filter` of the command has them; `undefined`: records need not be looked at. */
function filterOf(patterns: RecordPatterns): Filter | undefined {
  const terms = Object.entries(patterns).flatMap(([name, pattern]) =>
    pattern === undefined ? [] : [parseFilter([`${name}=${pattern.replaceAll(",", "*")}`])],
  );
  return terms.length === 0 ? undefined : (job, now) => terms.every((fits) => fits(job, now));
}
