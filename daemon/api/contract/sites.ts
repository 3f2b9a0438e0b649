/** Stopping what a policy sends to one site, and going on. */
import { contract } from "../route.ts";
import { boolean, object, optional, string } from "../schema.ts";
import { policyName } from "../shapes.ts";

const which = {
  policy: policyName,
  site: string({
    description: "As it is listed; what follows # does not count",
    pattern: "^[^\\s]{1,400}$",
    maxLength: 400,
  }),
} as const;
const also = { 404: "There is no such policy" } as const;
const answer = object({ suspended: boolean() });

export const suspendSite = contract({
  method: "POST",
  path: "/sites/suspend",
  id: "suspendSite",
  tag: "sites",
  role: "operator",
  summary: "Stop sending to a site for one policy until it is resumed; what is for it waits",
  body: object({ ...which, reason: optional(string({ maxLength: 300, default: "" })) }),
  answer,
  also,
  tells: ({ body }) => body,
});

export const resumeSite = contract({
  method: "POST",
  path: "/sites/resume",
  id: "resumeSite",
  tag: "sites",
  role: "operator",
  summary: "Go on sending to a site that was suspended",
  body: object(which),
  answer,
  also,
  tells: ({ body }) => body,
});
