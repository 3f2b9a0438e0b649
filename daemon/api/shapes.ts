/**
 * What the API's answers look like, where several routes share it, and the values that questions are made of.
 */
import { bounceClasses } from "../mail/bounce/classes.ts";
import { queueStates } from "../queue/inquiry.ts";
import {
  array,
  boolean,
  component,
  type Infer,
  integer,
  object,
  oneOf,
  optional,
  string,
  time,
} from "./schema.ts";

const text = (description: string, maxLength = 2_000) => string({ description, maxLength });

export const pattern = (what: string) =>
  string({ description: `${what}; * stands for any text`, minLength: 1, maxLength: 320 });
export const namespaceName = string({ pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", maxLength: 63 });
export const resourceName = string({ pattern: "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", maxLength: 253 });
export const policyName = string({
  description: "namespace/name of a RelayPolicy",
  pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
  maxLength: 317,
});
export const messageId = string({
  description: "What the client was told: 250 2.0.0 queued as ID",
  pattern: "^[0-7][0-9a-hjkmnp-tv-z]{25}$",
});
export const jobKey = string({
  description: "Names one job",
  pattern:
    "^\\d{1,4}\\.(relay|local)\\.[a-z0-9-]{1,63}\\.[a-z0-9~-]{1,253}\\.\\d{1,6}\\.[0-7][0-9a-hjkmnp-tv-z]{25}\\.\\d{1,6}$",
});
export const cursor = string({ description: "Where the page before ended", minLength: 1, maxLength: 600 });
export const jobClass = oneOf(["local", "relay"], { description: "local: filed here; relay: leaves" });
const queueState = oneOf(queueStates);
export const pageLimit = (most: number, usual: number) =>
  optional(integer({ minimum: 1, maximum: most, default: usual }));

/** What may be asked of the queue without reading a record. */
export const selection = {
  class: optional(jobClass),
  namespace: optional(namespaceName),
  policy: optional(policyName),
  destination: optional(pattern("The recipients' domain")),
  state: optional(queueState),
  message: optional(messageId),
} as const;

/** What only records tell. */
export const patterns = {
  sender: optional(pattern("The envelope's sender")),
  recipient: optional(pattern("A recipient")),
  reason: optional(pattern("The last reply, such as 451 4.7.1 *")),
} as const;

export const filters = object({ ...selection, ...patterns });

const counts = {
  jobs: integer({ minimum: 0 }),
  ready: integer({ minimum: 0, description: "To be sent now" }),
  deferred: integer({ minimum: 0, description: "Waiting for another try" }),
  held: integer({ minimum: 0, description: "Held by an operator" }),
  paused: integer({ minimum: 0, description: "Of policies that are paused or suspended" }),
  active: integer({ minimum: 0, description: "In line for a connection, or under way" }),
  oldestReadyMs: integer({ minimum: 0, description: "How long the oldest ready one has waited" }),
} as const;

const hop = object({ host: text("Name or address", 255), port: integer({ minimum: 1, maximum: 65_535 }) });

const group = component(
  "Group",
  object({
    class: jobClass,
    policy: policyName,
    destination: text("The recipients' domain", 300),
    reroute: optional(hop),
    tlsOptional: optional(boolean({ description: "Messages that need not be encrypted (TLS-Required: No)" })),
    ...counts,
    next: optional(time("When the next deferred one is tried")),
  }),
);

const lacking = {
  missing: array(text("A process", 300), {
    description: "Processes that own jobs and did not answer in time",
  }),
  unread: array(policyName, {
    description: "Policies whose jobs nobody works on and that were not all read",
  }),
} as const;

export const groups = component(
  "Groups",
  object({
    total: object(counts),
    groups: array(group),
    more: integer({ minimum: 0, description: "Groups that were left out" }),
    ...lacking,
  }),
);

const attempt = object({
  at: time("When"),
  by: optional(text("Who answered")),
  reply: text("What was said"),
  bounce: optional(oneOf(bounceClasses, { description: "What it is about: docs/reputation.md" })),
});

export const job = component(
  "Job",
  object({
    key: jobKey,
    message: messageId,
    group: integer({ minimum: 0 }),
    class: jobClass,
    policy: policyName,
    state: queueState,
    destination: text("The recipients' domain", 300),
    sender: text("Empty: a report, from nobody", 400),
    recipients: array(text("An address", 400), { description: "The first of those that are not done" }),
    moreRecipients: integer({ minimum: 0 }),
    size: integer({ minimum: 0, description: "Octets" }),
    queuedAt: time("When it was accepted"),
    attempts: integer({ minimum: 0 }),
    nextAttempt: optional(time("When it is tried next")),
    reroute: optional(hop),
    isOrderedBack: boolean({
      description: "It is about to be returned to its sender, as an operator ordered",
    }),
    history: array(attempt, { description: "The last attempts, the oldest first" }),
  }),
);
export type JobShape = Infer<typeof job>;

export const jobs = component(
  "Jobs",
  object({
    jobs: array(job),
    matching: integer({ minimum: 0, description: "How many fit what is not a pattern over records" }),
    examined: integer({ minimum: 0, description: "Records that were read for this page" }),
    after: optional(cursor),
    ...lacking,
  }),
);

const perMinute = integer({ minimum: 0 });

export const overview = component(
  "Overview",
  object({
    at: time("When it was looked at"),
    closed: optional(
      oneOf(["away", "full"], {
        description: "Why no new mail is taken: no NATS, or the store is nearly full",
      }),
    ),
    total: object(counts),
    groups: array(group, { description: "The largest" }),
    more: integer({ minimum: 0 }),
    ...lacking,
    perMinute: object({
      accepted: perMinute,
      delivered: perMinute,
      deferred: perMinute,
      failed: perMinute,
      expired: perMinute,
    }),
    troubles: array(
      object({
        at: time("The last time"),
        kind: oneOf(["deferred", "failed", "expired"]),
        by: optional(text("Who answered; absent: we")),
        reply: text("What was said"),
        count: integer({ minimum: 1 }),
        message: messageId,
      }),
      { description: "What failed lately, the newest first" },
    ),
  }),
);

export type JobsShape = Infer<typeof jobs>;
export type GroupsShape = Infer<typeof groups>;
export type OverviewShape = Infer<typeof overview>;

export { text };
