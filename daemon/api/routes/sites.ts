/** Sites that policies send to: connections, back-off, what they answered, suspended and resumed. */
import { labelOf } from "../../deliver/route/site-name.ts";
import type { AnswerClass, RecentAnswers } from "../../deliver/site/answers.ts";
import { bounceClasses } from "../../mail/bounce/classes.ts";
import type { Installation } from "../../operate/installation.ts";
import { type SiteLine, siteList } from "../../operate/site-list.ts";
import type { PolicyName } from "../../queue/job.ts";
import { resumeSite, suspendSite } from "../contract/sites.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, route, serve } from "../route.ts";
import { array, type Infer, integer, object, oneOf, optional, time } from "../schema.ts";
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

export const siteRoutes = (installation: Installation): readonly Route[] => {
  const named = ({ policy, site }: { readonly policy: string; readonly site: string }) => {
    if (!installation.live.current().policy(policy as PolicyName))
      throw new ApiProblem(404, "There is no such RelayPolicy.");
    return { policy: policy as PolicyName, site: labelOf(site) };
  };
  return [
    route({
      method: "GET",
      path: "/sites",
      id: "listSites",
      tag: "sites",
      role: "viewer",
      summary: "Sites that mail goes to just now: those in trouble first, then the busiest; at most 200",
      answer: sites,
      async handle(_, { signal }) {
        const { sites: found, missing } = await siteList(installation, 200, signal);
        return { sites: found.map(shapeOf), missing };
      },
    }),
    serve(suspendSite, async ({ body: { reason = "", ...site } }) => {
      await installation.suspend(named(site), reason);
      return { suspended: true };
    }),
    serve(resumeSite, async ({ body }) => {
      await installation.resume(named(body));
      return { suspended: false };
    }),
  ];
};

function shapeOf({ backOffUntil, ratePerMinute, state, suspended, answers: heard, ...site }: SiteLine) {
  return {
    ...site,
    state: state ?? "open", // a daemon of before there were states
    ...(suspended ? { suspended: { since: suspended.since, reason: suspended.reason } } : {}),
    ...(ratePerMinute === undefined ? {} : { ratePerMinute: Math.round(ratePerMinute) }),
    ...(backOffUntil === undefined ? {} : { backOffUntil: Math.round(backOffUntil) }),
    ...(heard === undefined ? {} : { answers: { ...heard, counts: countsOf(heard) } }),
  };
}

const countsOf = ({ counts }: RecentAnswers) =>
  (Object.entries(counts) as [AnswerClass, number][])
    .map(([about, recipients]) => ({ about, recipients }))
    .sort((a, b) => b.recipients - a.recipients);
