/** Mailboxes: how full they are, what is stored of each, and their upkeep. */
import { parseAddress } from "../../mail/address.ts";
import { type MailboxName, mailboxName } from "../../mailbox/store.ts";
import type { Installation } from "../../operate/installation.ts";
import { mailboxPage } from "../../operate/mailbox-list.ts";
import { mailboxDetail as detailOf, messagePage, purge, storedPage } from "../../operate/mailbox-tools.ts";
import {
  mailboxDetail,
  mailboxMessages,
  purgeMailbox,
  repairMailbox,
  restoredMailbox,
  storedMailboxes,
  verifyMailbox,
} from "../contract/mailboxes.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
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

const nobody = () => new ApiProblem(404, "There is no such mailbox.");

function named(text: string): MailboxName {
  const address = parseAddress(text);
  if (!address) throw nobody();
  return mailboxName(address);
}

export const mailboxRoutes = (installation: Installation): readonly Route[] => [
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
    handle({ query: { match = "*", after = "", limit = 50 } }, { signal }) {
      const { live, storeOf } = installation;
      return mailboxPage(live.current(), storeOf, { match, after, limit }, signal);
    },
  }),
  serve(storedMailboxes, ({ query: { after, limit = 1_000, ...asked } }, { signal }) =>
    storedPage(installation, asked, { after, limit }, signal),
  ),
  serve(mailboxDetail, async ({ params: { address }, query }, { signal }) => {
    const detail = await detailOf(installation, named(address), query, signal);
    if (!detail.stored && !detail.declared) throw nobody();
    return detail;
  }),
  serve(
    mailboxMessages,
    async ({ params: { address }, query: { folder, after, limit = 1_000, ...asked } }, { signal }) => {
      const mailbox = named(address);
      return messagePage(await installation.places(asked), mailbox, folder, { after, limit }, signal);
    },
  ),
  ...upkeepRoutes(installation),
];

const upkeepRoutes = ({ places, now }: Installation): readonly Route[] => [
  serve(verifyMailbox, async ({ params: { address }, body }, { signal }) => ({
    findings: await (await places(body)).verify(named(address), signal),
  })),
  serve(repairMailbox, async ({ params: { address }, body }, { signal }) => ({
    mended: await (await places(body)).repair(named(address), signal),
  })),
  serve(restoredMailbox, async ({ params: { address }, body }, { signal }) => ({
    restored: await (await places(body)).restored(named(address), signal),
  })),
  serve(
    purgeMailbox,
    async ({ params: { address }, body: { what: _, folder, olderThanMs, ...asked } }, { signal }) => {
      const found = await places(asked);
      const purged = await purge(found, named(address), { folder, olderThanMs }, now(), signal);
      if (purged === undefined) throw nobody();
      return purged;
    },
  ),
];
