/** How webhooks fare, what they were not told of, and orders about that. */

import { letterActions } from "../../operate/webhooks.ts";
import { eventKinds, type MessageEvent } from "../../queue/message-event.ts";
import { contract } from "../route.ts";
import {
  anyObject,
  array,
  component,
  type Infer,
  integer,
  object,
  oneOf,
  optional,
  string,
  time,
} from "../schema.ts";
import { cursor, namespaceName, pageLimit, pattern, text } from "../shapes.ts";

const hookName = string({
  description: "domain:NAME:HOOK or policy:NAME:HOOK, after the resource that declares it, dots written _",
  pattern: "^(domain|policy):[a-z0-9_-]{1,253}:[a-z0-9-]{1,63}$",
  maxLength: 330,
});
const eventId = string({ description: "An event's id", pattern: "^evt_[A-Za-z0-9_-]{22}$" });
const also = { 409: "Another namespace is served here" } as const;
/** Letters that one order may name. */
const MOST_EVENTS = 1_000;

const hook = component(
  "Webhook",
  object({
    namespace: namespaceName,
    hook: hookName,
    declared: optional(
      object(
        {
          kind: oneOf(["MailDomain", "RelayPolicy"]),
          of: text("The domain, or namespace/name of the policy", 320),
          host: text("Where it posts to, without the path", 300),
          events: array(oneOf(eventKinds), { description: "None: every kind" }),
        },
        { description: "Absent: no resource declares it any more; what it gave up is still kept" },
      ),
    ),
    state: oneOf(["well", "failing", "gone"], {
      description: "gone: its receiver said 410; it is called again when its resource changes",
    }),
    since: optional(time("Since when it fares so")),
    why: optional(text("What its receiver answered last, while it fails", 2_000)),
    waiting: integer({ minimum: 0, description: "Events that wait for another attempt" }),
    dead: integer({ minimum: 0, description: "Events that were given up" }),
  }),
);
export type WebhookShape = Infer<typeof hook>;

export const listWebhooks = contract({
  method: "GET",
  path: "/webhooks",
  id: "listWebhooks",
  tag: "webhooks",
  role: "viewer",
  summary: "Webhooks by namespace and name: how each fares, and how many events wait or were given up",
  query: object({
    namespace: optional(namespaceName),
    match: optional(pattern("namespace/hook")),
    after: optional(cursor),
    limit: pageLimit(1_000, 50),
  }),
  answer: object({ webhooks: array(hook), matching: integer({ minimum: 0 }) }),
  also,
});
export type WebhooksShape = Infer<typeof listWebhooks.answer>;

const letter = component(
  "Letter",
  object({
    namespace: namespaceName,
    hook: hookName,
    state: oneOf(["waiting", "dead"]),
    event: anyObject<MessageEvent>("The event, as the receiver would get it: docs/events.schema.json"),
    attempts: integer({ minimum: 0 }),
    since: time("The first attempt"),
    next: optional(time("The next attempt of one that waits")),
    at: optional(time("When it was given up")),
    why: text("What came of the last attempt", 2_000),
  }),
);
export type LetterShape = Infer<typeof letter>;

export const listLetters = contract({
  method: "GET",
  path: "/webhooks/letters",
  id: "listLetters",
  tag: "webhooks",
  role: "viewer",
  summary:
    "Events that webhooks were not told of, those that wait or those that were given up, the oldest first; one that changes may come twice",
  query: object({
    state: oneOf(["waiting", "dead"]),
    namespace: optional(namespaceName),
    hook: optional(hookName),
    event: optional(eventId),
    limit: pageLimit(500, 50),
    after: optional(cursor),
  }),
  answer: object({ letters: array(letter), after: optional(cursor) }),
  also,
});
export type LettersShape = Infer<typeof listLetters.answer>;

export const orderLetters = contract({
  method: "POST",
  path: "/webhooks/orders",
  id: "orderLetters",
  tag: "webhooks",
  role: "operator",
  summary: "Send a hook's dead letters again, or those that wait at once; or forget dead letters",
  body: object({
    action: oneOf(letterActions),
    namespace: namespaceName,
    hook: hookName,
    events: optional(
      array(eventId, {
        minItems: 1,
        maxItems: MOST_EVENTS,
        description: "These; absent: every dead letter of the hook",
      }),
    ),
    atMost: integer({ minimum: 0, description: "Nothing is done when more fit now than this" }),
  }),
  answer: object({
    changed: integer({ minimum: 0 }),
    gone: integer({ minimum: 0, description: "Of those that were named: there is none any more" }),
  }),
  also: { 409: "More fit than may be touched, or another namespace is served here: nothing was done" },
  tells: ({ body: { action, namespace, hook: of, events, atMost } }) => ({
    action,
    namespace,
    hook: of,
    ...(events === undefined ? { atMost } : { events: events.length, first: events[0] }),
  }),
});
