/** What commands ask of the queue: records as they lie there, and orders. */
import { filterNames } from "../../operate/filter.ts";
import { jobActions } from "../../operate/job-orders.ts";
import type { ToldJob } from "../../operate/job-records.ts";
import { type EditResult, editResults } from "../../operate/steer.ts";
import { contract } from "../route.ts";
import { anyObject, array, type Infer, integer, object, oneOf, optional, string } from "../schema.ts";
import {
  cursor,
  filters,
  groups,
  jobClass,
  jobKey,
  messageId,
  pageLimit,
  policyName,
  selection,
} from "../shapes.ts";

export const countJobs = contract({
  method: "GET",
  path: "/queue/groups",
  id: "countJobs",
  tag: "queue",
  role: "viewer",
  summary: "Jobs by class, policy and destination, the largest groups first",
  query: object({ ...selection, limit: pageLimit(500, 100) }),
  answer: groups,
});

export const MOST_AT_ONCE = 1_000;
/** Jobs that one order may name. */
export const MOST_KEYS = 500;

/** Blanks around names are no matter to `parseFilter` either. */
const term = ` *(${filterNames.join("|")}) *=[^,]*`;

export const jobRecords = contract({
  method: "GET",
  path: "/queue/records",
  id: "listRecords",
  tag: "queue",
  role: "viewer",
  summary:
    "Jobs as their records say, those that changed last at the end; one that changes meanwhile may come twice",
  query: object({
    filter: optional(
      string({
        description: "name=value,…; all of them must hold, and * stands for any text",
        pattern: `^${term}(,${term})*$`,
        minLength: 1,
        maxLength: 1_000,
      }),
    ),
    message: optional(messageId),
    class: optional(jobClass),
    policy: optional(policyName),
    limit: pageLimit(1_000, 250),
    after: optional(cursor),
  }),
  answer: object({
    records: array(
      object({
        key: jobKey,
        state: oneOf(["ready", "deferred", "held", "paused"]),
        job: anyObject<ToldJob>("The record, without the id of its body"),
      }),
    ),
    after: optional(cursor),
  }),
});

/** 1 to 65535. */
const port = "(6553[0-5]|655[0-2]\\d|65[0-4]\\d{2}|6[0-4]\\d{3}|[1-5]\\d{4}|[1-9]\\d{0,3})";

const orderBody = object(
  {
    action: oneOf(jobActions),
    keys: optional(array(jobKey, { minItems: 1, maxItems: MOST_KEYS, description: "These jobs" })),
    filter: optional(filters),
    atMost: integer({ minimum: 0, description: "It is not begun when more jobs fit now than this" }),
    reason: optional(string({ maxLength: 300, description: "For bounce: what the sender is told" })),
    to: optional(
      string({
        description: "For route: HOST:PORT, or mx to go back to routing",
        pattern: `^(mx|[A-Za-z0-9.:\\[\\]_-]+:${port})$`,
        maxLength: 300,
      }),
    ),
    after: optional(cursor),
  },
  {
    oneOf: [{ required: ["keys"] }, { required: ["filter"] }],
    if: { properties: { action: { const: "route" } } },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: { required: ["to"] },
  },
);
export type OrderBody = Infer<typeof orderBody>;

const orderAnswer = object({
  changed: integer({ minimum: 0 }),
  gone: integer({ minimum: 0, description: "They were done meanwhile" }),
  busy: integer({ minimum: 0, description: "Their owner changed them each time: order again" }),
  results: optional(
    array(oneOf(editResults satisfies readonly EditResult[]), {
      description: "What became of each of the keys, in their order",
    }),
  ),
  after: optional(cursor),
});
export type OrderShape = Infer<typeof orderAnswer>;

export const orderJobs = contract({
  method: "POST",
  path: "/queue/orders",
  id: "orderJobs",
  tag: "queue",
  role: "operator",
  summary: `Retry, hold, release, bounce, route or purge jobs: those that are named, or the next ${MOST_AT_ONCE} that fit`,
  body: orderBody,
  answer: orderAnswer,
  also: { 409: "More jobs fit than may be touched: nothing was done" },
  tells: ({ body: { action, keys, filter, reason, to } }) => ({
    action,
    ...(keys === undefined ? { filter } : { jobs: keys.length, first: keys[0] }),
    ...(reason === undefined ? {} : { reason }),
    ...(to === undefined ? {} : { to }),
  }),
});
