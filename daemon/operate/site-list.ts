/**
 * The sites that mail goes to, as all relays together see them: each process paces its own connections. Those that are
 * suspended are told of even when no process knows them any more.
 */
import { byTrouble, type SiteState } from "../deliver/inquiry.ts";
import { labelOf } from "../deliver/route/site-name.ts";
import type { SiteName } from "../deliver/route/types.ts";
import type { AnswerClass, RecentAnswers } from "../deliver/site/answers.ts";
import type { Suspension, Suspensions } from "../nats/suspensions.ts";
import type { PolicyName } from "../queue/job.ts";
import type { QueueIndex } from "./queue-index.ts";

export interface SiteLine extends SiteState {
  readonly suspended?: Pick<Suspension, "since" | "reason">;
  /** How many processes are connected, keep away, or had answers. */
  readonly processes: number;
}

export interface SiteList {
  readonly sites: readonly SiteLine[];
  readonly missing: readonly string[];
}

export interface SiteListMeans {
  /** The only one that is looked at: what daemons of every namespace tell of others is not shown. */
  readonly namespace?: string | undefined;
  readonly index: QueueIndex;
  readonly suspensions: Pick<Suspensions, "of" | "sites">;
}

export async function siteList(
  { index, suspensions, namespace }: SiteListMeans,
  limit: number,
  signal: AbortSignal,
): Promise<SiteList> {
  const { said, missing } = await index.tell<readonly SiteState[]>({ kind: "sites", limit }, signal);
  const sites = new Map<string, SiteLine>();
  // A process speaks once for each of its pools; its sites are the same.
  const heard = new Set<string>();
  for (const { member, answer } of said) {
    if (heard.has(member)) continue;
    heard.add(member);
    for (const state of answer.filter(isOf(namespace)))
      sites.set(state.site, added(sites.get(state.site), state));
  }
  const lines = withSuspended([...sites.values()], suspensions);
  return { sites: lines.sort(byTrouble).slice(0, limit), missing };
}

const isOf =
  (namespace: string | undefined) =>
  ({ policy }: SiteState): boolean =>
    namespace === undefined || policy?.startsWith(`${namespace}/`) === true;

function added(line: SiteLine | undefined, state: SiteState): SiteLine {
  if (line === undefined) return { ...state, processes: 1 };
  const until = Math.max(line.backOffUntil ?? 0, state.backOffUntil ?? 0);
  const answers = together(line.answers, state.answers);
  return {
    ...line,
    processes: line.processes + 1,
    connections: line.connections + state.connections,
    maxConnections: line.maxConnections + state.maxConnections,
    allowed: line.allowed + state.allowed,
    state: worse(line.state, state.state),
    ...(until === 0 ? {} : { backOffUntil: until }),
    ...(answers === undefined ? {} : { answers }),
  };
}

function together(a: RecentAnswers | undefined, b: RecentAnswers | undefined): RecentAnswers | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const counts = { ...a.counts };
  for (const [about, count] of Object.entries(b.counts) as [AnswerClass, number][])
    counts[about] = (counts[about] ?? 0) + count;
  const last = (a.last?.at ?? 0) > (b.last?.at ?? 0) ? a.last : b.last;
  return { counts, ...(last === undefined ? {} : { last }) };
}

const badness = ["open", "slowed", "paused", "suspended"] as const;

/** What the worst off of the processes hears; one of before there were states has none. */
const worse = (a: SiteState["state"], b: SiteState["state"] = "open"): SiteState["state"] =>
  badness.indexOf(a) > badness.indexOf(b) ? a : b;

function withSuspended(lines: readonly SiteLine[], suspensions: SiteListMeans["suspensions"]): SiteLine[] {
  const told = lines.map((line) => {
    const found = line.policy && suspensions.of(line.policy, labelOf(line.site));
    return found ? { ...line, state: "suspended" as const, suspended: found } : line;
  });
  const nameOf = (policy: PolicyName | undefined, label: string) => `${policy} ${label}`;
  const seen = new Set(told.map(({ policy, site }) => nameOf(policy, labelOf(site))));
  const unseen = suspensions.sites().filter(({ policy, site }) => !seen.has(nameOf(policy, site)));
  return [...told, ...unseen.map(quiet)];
}

const quiet = ({ policy, site, since, reason }: ReturnType<Suspensions["sites"]>[number]): SiteLine => ({
  site: site as string as SiteName,
  policy,
  state: "suspended",
  suspended: { since, reason },
  connections: 0,
  maxConnections: 0,
  allowed: 0,
  processes: 0,
});
