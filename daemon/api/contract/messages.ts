/** A message's steps, one page after the other: one to many recipients has many. */
import type { TraceEvent } from "../../queue/events.ts";
import { contract } from "../route.ts";
import { anyObject, array, integer, object, optional } from "../schema.ts";
import { messageId, pageLimit, text } from "../shapes.ts";

export const events = array(
  object({
    at: integer({ description: "ms since the epoch" }),
    kind: text("accepted, delivered, deferred, failed, expired, dsn, …", 40),
    group: optional(integer({ minimum: 0, description: "The job it is about" })),
    words: text("The event in one line", 10_000),
    event: anyObject<TraceEvent>("The event as it was recorded"),
  }),
);

export const messageEvents = contract({
  method: "GET",
  path: "/messages/{id}/events",
  id: "messageEvents",
  tag: "messages",
  role: "viewer",
  summary: "What happened to a message in the last 14 days, the oldest first; none where nothing is known",
  params: object({ id: messageId }),
  query: object({
    skip: optional(integer({ minimum: 0, maximum: 10_000_000, default: 0 })),
    limit: pageLimit(1_000, 1_000),
  }),
  answer: object({ events, more: integer({ minimum: 0, description: "How many are left" }) }),
});
