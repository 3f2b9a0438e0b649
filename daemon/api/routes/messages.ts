/** One message: its time line, where it is now, its header. */

import { readEvents } from "../../nats/events.ts";
import { stateOf } from "../../operate/filter.ts";
import type { Installation } from "../../operate/installation.ts";
import { headerOf, traceOf } from "../../operate/message.ts";
import { formatEvent, type TraceEvent } from "../../queue/events.ts";
import type { QueueState } from "../../queue/inquiry.ts";
import type { Job, MessageId } from "../../queue/job.ts";
import { events, messageEvents } from "../contract/messages.ts";
import { jobShape } from "../job-shape.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
import { array, type Infer, object, string } from "../schema.ts";
import { job, messageId } from "../shapes.ts";

const params = object({ id: messageId });

const trace = object({
  events,
  jobs: array(job),
});
export type TraceShape = Infer<typeof trace>;

const eventShape = (event: TraceEvent) => ({
  at: event.at,
  kind: event.kind,
  ...(event.group === undefined ? {} : { group: event.group }),
  words: formatEvent(event),
  event,
});

export const messageRoutes = (installation: Installation): readonly Route[] => {
  const { link, queue, index, log, isPaused, now } = installation;
  const means = { link, queue, index, log };
  const stateNow = (each: Job): QueueState => stateOf(each, now(), isPaused);
  return [
    route({
      method: "GET",
      path: "/messages/{id}",
      id: "traceMessage",
      tag: "messages",
      role: "viewer",
      summary: "Everything that happened to a message in the last 14 days, and what is queued of it",
      params,
      answer: trace,
      also: { 404: "Nothing is known of it" },
      async handle({ params: { id } }, { signal }) {
        const { events: found, jobs } = await traceOf(means, id as MessageId, signal);
        if (found.length === 0 && jobs.length === 0) throw new ApiProblem(404, "Nothing is known of it.");
        return {
          events: found.map(eventShape),
          jobs: jobs.map((each) => jobShape({ ...each, state: stateNow(each.job) })),
        };
      },
    }),
    serve(messageEvents, async ({ params: { id }, query: { skip = 0, limit = 1_000 } }) => {
      const all = await readEvents(link, id as MessageId, log);
      const page = all.slice(skip, skip + limit);
      return { events: page.map(eventShape), more: Math.max(0, all.length - skip - page.length) };
    }),
    route({
      method: "GET",
      path: "/messages/{id}/header",
      id: "messageHeader",
      tag: "messages",
      role: "operator",
      summary: "The header of a message that is queued",
      params,
      answer: object({ header: string({ description: "As it came; strangers wrote it" }) }),
      also: { 404: "Nothing of it is queued any more" },
      async handle({ params: { id } }, { signal }) {
        const header = await headerOf(means, id as MessageId, signal);
        if (header === undefined) throw new ApiProblem(404, "Nothing of it is queued any more.");
        return { header };
      },
    }),
  ];
};
