/**
 * Mailboxes as they lie in the store: their folders, upkeep, and their end. The API gives out no message and takes none; names
 * of folders and uses of passwords are people's own affairs, so they are for operators alone.
 */
import { contract } from "../route.ts";
import { array, boolean, component, integer, object, oneOf, optional, string, time } from "../schema.ts";
import { cursor, namespaceName, pageLimit, text } from "../shapes.ts";

/** Where mailboxes lie that are meant; neither: wherever they lie. */
const place = {
  namespace: optional(namespaceName),
  shared: optional(boolean({ description: "Those of the daemons that serve every namespace" })),
} as const;
const places = object(place);

const params = object({
  address: string({
    description: "The mailbox's address",
    pattern: "^.+@[^@]+$",
    minLength: 3,
    maxLength: 400,
  }),
});

const quota = object({
  bytes: optional(integer({ minimum: 0 })),
  messages: optional(integer({ minimum: 0 })),
});

const status = {
  mailbox: text("The address", 400),
  bytes: integer({ minimum: 0 }),
  messages: integer({ minimum: 0 }),
  folders: array(
    object({
      name: text("The folder", 1_000),
      uidValidity: integer({ minimum: 0 }),
      uidNext: integer({ minimum: 1 }),
      messages: integer({ minimum: 0 }),
      unseen: integer({ minimum: 0 }),
      bytes: integer({ minimum: 0 }),
    }),
  ),
} as const;

const stored = component("StoredMailbox", object(status));

const also = {
  404: "There is no such mailbox",
  409: "Mailboxes of that namespace do not lie apart, or are not to be seen from here",
} as const;

export const storedMailboxes = contract({
  method: "GET",
  path: "/mailboxes/stored",
  id: "listStoredMailboxes",
  tag: "mailboxes",
  role: "operator",
  summary: "Every mailbox that holds or held something, by address, declared or not",
  query: object({ ...place, limit: pageLimit(10_000, 1_000), after: optional(cursor) }),
  answer: object({
    mailboxes: array(object({ ...status, quota: optional(quota) })),
    after: optional(cursor),
  }),
  also,
});

export const mailboxDetail = contract({
  method: "GET",
  path: "/mailboxes/{address}",
  id: "mailbox",
  tag: "mailboxes",
  role: "operator",
  summary:
    "A mailbox: what is stored of it, what the directory allows it, its app passwords and their last uses",
  params,
  query: places,
  answer: object({
    stored: optional(stored),
    declared: optional(
      object({
        namespace: namespaceName,
        quota,
        appPasswords: array(
          object({
            name: text("Its name", 300),
            scopes: array(text("What it lets in to", 40)),
            lastUse: optional(object({ at: time("When, exact to an hour"), scope: text("For what", 40) })),
          }),
        ),
      }),
    ),
  }),
  also: { ...also, 404: "It is neither stored nor declared" },
});

export const mailboxMessages = contract({
  method: "GET",
  path: "/mailboxes/{address}/messages",
  id: "listMailboxMessages",
  tag: "mailboxes",
  role: "operator",
  summary: "Messages of a folder by UID: flags, dates and sizes, nothing that is in them",
  params,
  query: object({
    ...place,
    folder: string({ minLength: 1, maxLength: 1_000 }),
    limit: pageLimit(10_000, 1_000),
    after: optional(integer({ minimum: 0, description: "The UID that the page before ended with" })),
  }),
  answer: object({
    messages: array(
      object({
        folder: text("The folder", 1_000),
        uid: integer({ minimum: 1 }),
        flags: array(text("A flag", 1_000)),
        internalDate: integer({ description: "ms since the epoch" }),
        size: integer({ minimum: 0 }),
        modseq: integer({ minimum: 0 }),
      }),
    ),
    after: optional(integer({ minimum: 1 })),
  }),
  also,
});

const finding = object({
  where: text("A folder, a message, a body"),
  problem: text("What is wrong"),
  mendable: boolean(),
});

export const verifyMailbox = contract({
  method: "POST",
  path: "/mailboxes/{address}/verify",
  id: "verifyMailbox",
  tag: "mailboxes",
  role: "operator",
  summary: "What of a mailbox does not agree; everything of it is read",
  params,
  body: places,
  answer: object({ findings: array(finding) }),
  also,
});

export const repairMailbox = contract({
  method: "POST",
  path: "/mailboxes/{address}/repair",
  id: "repairMailbox",
  tag: "mailboxes",
  role: "operator",
  summary: "Mend what can be mended of a mailbox",
  params,
  body: places,
  answer: object({ mended: array(finding) }),
  also,
});

export const restoredMailbox = contract({
  method: "POST",
  path: "/mailboxes/{address}/restored",
  id: "restoredMailbox",
  tag: "mailboxes",
  role: "operator",
  summary: "After a restoration: nothing that mail programs saw since the copy is given out again",
  params,
  body: places,
  answer: object({ restored: boolean({ description: "false: there is no such mailbox" }) }),
  also,
});

export const purgeMailbox = contract({
  method: "POST",
  path: "/mailboxes/{address}/purge",
  id: "purgeMailbox",
  tag: "mailboxes",
  role: "operator",
  summary: "Remove messages of a folder, or everything; everything of any age takes Sieve scripts along",
  params,
  body: object(
    {
      ...place,
      what: oneOf(["folder", "everything"]),
      folder: optional(string({ description: "For what: folder", minLength: 1, maxLength: 1_000 })),
      olderThanMs: optional(
        integer({ minimum: 0, maximum: 1e15, description: "Only what was filed longer ago" }),
      ),
    },
    {
      oneOf: [
        { properties: { what: { const: "folder" } }, required: ["folder"] },
        { properties: { what: { const: "everything" }, folder: false } },
      ],
    },
  ),
  answer: object({ removed: integer({ minimum: 0 }), scripts: integer({ minimum: 0 }) }),
  also: { ...also, 409: `${also[409]}; or it has no such folder` },
  tells: ({ body: { what, folder, olderThanMs } }) => ({ what, folder, olderThanMs }),
});
