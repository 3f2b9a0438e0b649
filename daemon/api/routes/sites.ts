/** Sites that policies send to: connections, back-off, what they answered, suspended and resumed. */
import { labelOf } from "../../deliver/route/site-name.ts";
import type { AnswerClass, RecentAnswers } from "../../deliver/site/answers.ts";
import type { Installation } from "../../operate/installation.ts";
import { type SiteLine, siteList } from "../../operate/site-list.ts";
import type { PolicyName } from "../../queue/job.ts";
import { listSites, resumeSite, suspendSite } from "../contract/sites.ts";
import { ApiProblem } from "../problem.ts";
import { type Route, serve } from "../route.ts";

export const siteRoutes = (installation: Installation): readonly Route[] => {
  const named = ({ policy, site }: { readonly policy: string; readonly site: string }) => {
    if (!installation.live.current().policy(policy as PolicyName))
      throw new ApiProblem(404, "There is no such RelayPolicy.");
    return { policy: policy as PolicyName, site: labelOf(site) };
  };
  /** What is suspended goes on by order, also when its policy is gone: nobody else would take the record away. */
  const known = ({ policy, site }: { readonly policy: string; readonly site: string }) =>
    installation.suspensions.of(policy as PolicyName, labelOf(site));
  return [
    serve(listSites, async (_, { signal }) => {
      const { sites: found, missing } = await siteList(installation, 200, signal);
      return { sites: found.map(shapeOf), missing };
    }),
    serve(suspendSite, async ({ body: { reason = "", ...site } }) => {
      await installation.suspend(named(site), reason);
      return { suspended: true };
    }),
    serve(resumeSite, async ({ body }) => {
      await installation.resume(known(body) ?? named(body));
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
