/**
 * One message: what happened to it, what is still queued of it, and its header while it is here.
 *
 * Fails: `StoreFault` or `QueueError` when the store does not answer.
 */
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { readEvents } from "../nats/events.ts";
import type { TraceEvent } from "../queue/events.ts";
import type { Job, JobKey, MessageId, Queued } from "../queue/job.ts";
import type { Queue } from "../queue/queue.ts";
import type { QueueIndex } from "./queue-index.ts";

export interface Trace {
  readonly events: readonly TraceEvent[];
  readonly jobs: readonly { readonly key: JobKey; readonly job: Job }[];
}

export interface TraceMeans {
  readonly link: Link;
  readonly queue: Pick<Queue, "read" | "body">;
  readonly index: QueueIndex;
  readonly log: Log;
}

/** A message to so many destinations has no time line that anybody reads to its end. */
const MOST_JOBS = 200;
const MOST_EVENTS = 1_000;
/** As much of a header as people read. */
const HEADER_OCTETS = 64 << 10;

/** Events tell what was; jobs tell where it is now. */
export async function traceOf(means: TraceMeans, message: MessageId, signal: AbortSignal): Promise<Trace> {
  const [events, jobs] = await Promise.all([
    readEvents(means.link, message, means.log),
    jobsOf(means, message, signal),
  ]);
  return { events: events.slice(0, MOST_EVENTS), jobs: jobs.map(({ key, job }) => ({ key, job })) };
}

async function jobsOf(
  { queue, index }: TraceMeans,
  message: MessageId,
  signal: AbortSignal,
): Promise<Queued[]> {
  const { jobs } = await index.page({ message }, { order: "key", limit: MOST_JOBS }, signal);
  const found = await Promise.all(jobs.map(({ key }) => queue.read(key, signal)));
  return found.filter((queued) => queued !== undefined);
}

/** The header's octets up to the empty line; `undefined` when nothing of the message is queued any more. */
export async function headerOf(
  means: TraceMeans,
  message: MessageId,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [queued] = await jobsOf(means, message, signal);
  if (!queued) return undefined;
  let header = Buffer.from(queued.job.prepend ?? "", "latin1");
  for await (const piece of means.queue.body(queued, signal)) {
    header = Buffer.concat([header, piece]);
    const end = header.indexOf("\r\n\r\n");
    if (end >= 0) return header.toString("utf8", 0, end + 2);
    if (header.length > HEADER_OCTETS) return header.toString("utf8", 0, HEADER_OCTETS);
  }
  return header.toString("utf8");
}
