/** Mailboxes and how full they are. */
import type { Installation } from "../../operate/installation.ts";
import { mailboxPage } from "../../operate/mailbox-list.ts";
import { type Route, route } from "../route.ts";
import { array, boolean, type Infer, integer, object, optional } from "../schema.ts";
import { cursor, namespaceName, pageLimit, pattern, text } from "../shapes.ts";

const mailboxes = object({
  mailboxes: array(
    object({
      address: text("The address", 400),
      namespace: namespaceName,
      messages: integer({ minimum: 0 }),
      unseen: integer({ minimum: 0 }),
      bytes: integer({ minimum: 0 }),
      quota: object({
        bytes: optional(integer({ minimum: 0 })),
        messages: optional(integer({ minimum: 0 })),
      }),
      suspended: boolean(),
    }),
  ),
  matching: integer({ minimum: 0 }),
});
export type MailboxesShape = Infer<typeof mailboxes>;

export const mailboxRoutes = ({ live, storeOf }: Installation): readonly Route[] => [
  route({
    method: "GET",
    path: "/mailboxes",
    id: "listMailboxes",
    tag: "mailboxes",
    role: "viewer",
    summary: "Mailboxes by address, with what lies in them and what they may hold",
    query: object({
      match: optional(pattern("The address")),
      after: optional(cursor),
      limit: pageLimit(100, 50),
    }),
    answer: mailboxes,
    handle: ({ query: { match = "*", after = "", limit = 50 } }, { signal }) =>
      mailboxPage(live.current(), storeOf, { match, after, limit }, signal),
  }),
];
