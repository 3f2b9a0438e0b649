/** Sites that mail goes to; stopping what a policy sends to one of them, and going on. */
import { bounceClasses } from "../../mail/bounce/classes.ts";
import { contract } from "../route.ts";
import { array, boolean, type Infer, integer, object, oneOf, optional, string, time } from "../schema.ts";
import { policyName, text } from "../shapes.ts";

const answers = object(
  {
    counts: array(
      object({ about: oneOf(["delivered", ...bounceClasses]), recipients: integer({ minimum: 1 }) }),
      { description: "What the answers were about (docs/reputation.md), most first" },
    ),
    last: optional(object({ at: time("When"), reply: text("The last that was no delivery") })),
  },
  { description: "Of the last hour" },
);

const sites = object({
  sites: array(
    object({
      site: text("Hosts reached in one way, for one policy", 600),
      policy: optional(policyName),
      connections: integer({ minimum: 0 }),
      maxConnections: integer({ minimum: 0 }),
      allowed: integer({ minimum: 0, description: "As many as it has shown to bear" }),
      state: oneOf(["open", "slowed", "paused", "suspended"], {
        description:
          "slowed: it asked for less, and gets more again little by little; suspended: by an operator",
      }),
      suspended: optional(object({ since: time("When"), reason: text("Why", 300) })),
      ratePerMinute: optional(
        integer({ minimum: 0, description: "As the policy has it, or less while it is slowed" }),
      ),
      backOffUntil: optional(time("It is not tried before")),
      answers: optional(answers),
      processes: integer({ minimum: 0, description: "0: it is suspended, and nobody knows more of it" }),
    }),
  ),
  missing: array(text("A process", 300)),
});
export type SitesShape = Infer<typeof sites>;

export const listSites = contract({
  method: "GET",
  path: "/sites",
  id: "listSites",
  tag: "sites",
  role: "viewer",
  summary: "Sites that mail goes to just now: those in trouble first, then the busiest; at most 200",
  answer: sites,
});

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
  also: { ...also, 409: "The policy's namespace has too many sites suspended" },
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
