/** The queue: counted by destination, read page by page, steered. */

import type { Installation } from "../../operate/installation.ts";
import { jobPage, type Wanted } from "../../operate/job-list.ts";
import { type Choice, carryOut, jobActions, previewOf, TooMany } from "../../operate/job-orders.ts";
import type { Selection } from "../../queue/inquiry.ts";
import type { JobKey } from "../../queue/job.ts";
import { jobShape } from "../job-shape.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { array, boolean, type Infer, integer, object, oneOf, optional, string } from "../schema.ts";
import { cursor, groups, job, jobKey, jobs, pageLimit, patterns, selection } from "../shapes.ts";

const filters = object({ ...selection, ...patterns });
type Filters = Infer<typeof filters>;

function wantedOf({ sender, recipient, reason, ...of }: Filters): Wanted {
  const patterns = {
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(reason === undefined ? {} : { reason }),
  };
  return { of: of as Selection, patterns };
}

export const MOST_AT_ONCE = 1_000;

const orderBody = object(
  {
    action: oneOf(jobActions),
    keys: optional(array(jobKey, { minItems: 1, maxItems: 500, description: "These jobs" })),
    filter: optional(filters),
    atMost: integer({ minimum: 0, description: "It is not begun when more jobs fit now than this" }),
    reason: optional(string({ maxLength: 300, description: "For bounce: what the sender is told" })),
    after: optional(cursor),
  },
  { oneOf: [{ required: ["keys"] }, { required: ["filter"] }] },
);

const preview = object({
  matching: integer({ minimum: 0 }),
  exact: boolean({ description: "false: only some of the records could be looked at" }),
  sample: array(job),
});
export type PreviewShape = Infer<typeof preview>;

const orderAnswer = object({
  changed: integer({ minimum: 0 }),
  gone: integer({ minimum: 0, description: "They were done meanwhile" }),
  busy: integer({ minimum: 0, description: "Their owner changed them each time: order again" }),
  after: optional(cursor),
});
export type OrderShape = Infer<typeof orderAnswer>;

export const queueRoutes = ({ queue, index, record, now }: Installation): readonly Route[] => {
  const reading = { queue, index };
  return [
    route({
      method: "GET",
      path: "/queue/groups",
      id: "countJobs",
      tag: "queue",
      role: "viewer",
      summary: "Jobs by class, policy and destination, the largest groups first",
      query: object({ ...selection, limit: pageLimit(500, 100) }),
      answer: groups,
      handle: ({ query: { limit = 100, ...of } }, { signal }) => index.groups(of as Selection, limit, signal),
    }),
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
    route({
      method: "POST",
      path: "/queue/orders",
      id: "orderJobs",
      tag: "queue",
      role: "operator",
      summary: `Retry, hold, release or bounce jobs: those that are named, or the next ${MOST_AT_ONCE} that fit`,
      body: orderBody,
      answer: orderAnswer,
      also: { 409: "More jobs fit than may be touched: nothing was done" },
      async handle({ body: { action, reason, atMost, after, ...choice } }, { signal }) {
        const order = { action, choice: choiceOf(choice), atMost, after, limit: MOST_AT_ONCE };
        const flags = reason === undefined ? {} : { reason };
        try {
          return await carryOut(reading, { queue, record, now }, { ...order, ...flags }, signal);
        } catch (error) {
          if (error instanceof TooMany) throw new ApiProblem(409, error.message);
          throw error;
        }
      },
    }),
  ];
};

/** The schema lets exactly one of them through. */
const choiceOf = ({ keys, filter = {} }: Pick<Infer<typeof orderBody>, "keys" | "filter">): Choice =>
  keys === undefined ? wantedOf(filter) : { keys: keys as readonly JobKey[] };
