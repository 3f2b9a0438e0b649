/** The queue: counted by destination, read page by page, steered. */

import type { Installation } from "../../operate/installation.ts";
import { jobPage, type Wanted } from "../../operate/job-list.ts";
import { type Choice, carryOut, previewOf, TooMany } from "../../operate/job-orders.ts";
import { type RecordsOf, recordPage } from "../../operate/job-records.ts";
import type { Selection } from "../../queue/inquiry.ts";
import type { JobKey } from "../../queue/job.ts";
import { countJobs, jobRecords, MOST_AT_ONCE, type OrderBody, orderJobs } from "../contract/queue.ts";
import { jobShape } from "../job-shape.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
import { array, boolean, type Infer, integer, object, optional } from "../schema.ts";
import { cursor, filters, job, jobs, pageLimit, patterns, selection } from "../shapes.ts";

type Filters = Infer<typeof filters>;

function wantedOf({ sender, recipient, reason, ...of }: Filters): Wanted {
  const patterns = {
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(reason === undefined ? {} : { reason }),
  };
  return { of: of as Selection, patterns };
}

const preview = object({
  matching: integer({ minimum: 0 }),
  exact: boolean({ description: "false: only some of the records could be looked at" }),
  sample: array(job),
});
export type PreviewShape = Infer<typeof preview>;

export const queueRoutes = (installation: Installation): readonly Route[] => {
  const { queue, index, record, now } = installation;
  const reading = { queue, index };
  return [
    serve(countJobs, ({ query: { limit = 100, ...of } }, { signal }) =>
      index.groups(of as Selection, limit, signal),
    ),
    route({
      method: "GET",
      path: "/queue/jobs",
      id: "listJobs",
      tag: "queue",
      role: "viewer",
      summary: "One page of jobs, those that are tried next first",
      query: object({ ...selection, ...patterns, limit: pageLimit(200, 50), after: optional(cursor) }),
      answer: jobs,
      async handle({ query: { limit = 50, after, ...rest } }, { signal }) {
        const page = await jobPage(reading, wantedOf(rest), { order: "due", after, limit }, signal);
        return { ...page, jobs: page.jobs.map(jobShape) };
      },
    }),
    route({
      method: "POST",
      path: "/queue/preview",
      id: "previewOrder",
      tag: "queue",
      role: "viewer",
      summary: "How many jobs an order to all that fit would touch, and some of them",
      body: filters,
      answer: preview,
      async handle({ body }, { signal }) {
        const found = await previewOf(reading, wantedOf(body), signal);
        return { ...found, sample: found.sample.map(jobShape) };
      },
    }),
    serve(orderJobs, async ({ body: { action, reason, to, atMost, after, ...choice } }, { signal }) => {
      const order = { action, choice: choiceOf(choice), atMost, after, limit: MOST_AT_ONCE };
      const flags = { ...(reason === undefined ? {} : { reason }), ...(to === undefined ? {} : { to }) };
      try {
        return await carryOut(reading, { queue, record, now }, { ...order, ...flags }, signal);
      } catch (error) {
        if (error instanceof TooMany) throw new ApiProblem(409, error.message);
        throw error;
      }
    }),
    serve(jobRecords, ({ query: { filter, limit = 250, after, ...of } }, { signal }) =>
      recordPage(installation, { of: of as RecordsOf, filter, after, limit }, signal),
    ),
  ];
};
/** The schema lets exactly one of them through. */
const choiceOf = ({ keys, filter = {} }: Pick<OrderBody, "keys" | "filter">): Choice =>
  keys === undefined ? wantedOf(filter) : { keys: keys as readonly JobKey[] };
