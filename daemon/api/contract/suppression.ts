/** The lists of addresses that get nothing for a while: looked at and edited. */
import { bounceClasses } from "../../mail/bounce/classes.ts";
import { contract } from "../route.ts";
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
} from "../schema.ts";
import { cursor, messageId, namespaceName, pageLimit, text } from "../shapes.ts";

const address = string({ description: "A mail address", minLength: 3, maxLength: 400 });
const whose = {
  namespace: optional(namespaceName),
} as const;
const whoseList = 'Absent: "default", or the only namespace that is served here';

const also = { 404: "It is no mail address", 409: "Another namespace is served here" } as const;

const suppressed = component(
  "Suppressed",
  object({
    namespace: namespaceName,
    address: text("The address", 400),
    by: oneOf(["bounce", "complaint", "operator"]),
    bounce: optional(oneOf(bounceClasses, { description: "What refusals were about" })),
    at: time("Since when"),
    until: time("Until when"),
    watched: optional(
      integer({ description: "Refusals so far, as long as they are too few: then mail still goes there" }),
    ),
    text: text("The reply, the kind of complaint, or an operator's words"),
    message: optional(messageId),
  }),
);
export type SuppressedShape = Infer<typeof suppressed>;

export const listSuppressed = contract({
  method: "GET",
  path: "/suppression",
  id: "listSuppressed",
  tag: "suppression",
  role: "viewer",
  summary:
    "Addresses that get nothing for a while, those that changed last at the end; one that changes may come twice",
  query: object({
    ...whose,
    address: optional(address),
    limit: pageLimit(5_000, 500),
    after: optional(cursor),
  }),
  answer: object({ entries: array(suppressed), after: optional(cursor) }),
  also,
});

export const suppress = contract({
  method: "POST",
  path: "/suppression",
  id: "suppress",
  tag: "suppression",
  role: "operator",
  summary: "Send nothing to an address for a while",
  body: object(
    {
      ...whose,
      address,
      for: optional(
        string({
          description: "Hours or days",
          pattern: "^[1-9][0-9]{0,3}[hd]$",
          maxLength: 5,
          default: "30d",
        }),
      ),
      reason: optional(string({ maxLength: 300, default: "" })),
    },
    { description: whoseList },
  ),
  answer: suppressed,
  also,
  tells: ({ body }) => body,
});

export const unsuppress = contract({
  method: "POST",
  path: "/suppression/remove",
  id: "unsuppress",
  tag: "suppression",
  role: "operator",
  summary: "Send to an address again",
  body: object({ ...whose, address }, { description: whoseList }),
  answer: object({ namespace: namespaceName, removed: boolean({ description: "false: it was not listed" }) }),
  also,
  tells: ({ body }) => body,
});
