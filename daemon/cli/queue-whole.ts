/**
 * `postfleet queue destinations` and `queue sites`: the queue in one look. Those who own jobs count them from memory, so it costs
 * the same with a million jobs as with ten.
 */
import type { ApiClient } from "../api/client/client.ts";
import { countJobs } from "../api/contract/queue.ts";
import { listSites, type SitesShape } from "../api/contract/sites.ts";
import type { GroupsShape } from "../api/shapes.ts";
import { oneLine } from "../mail/text.ts";
import type { Selection } from "../queue/inquiry.ts";
import { type CommandContext, usage } from "./context.ts";

const longest = 300;
const when = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const row = (columns: readonly string[]): string => columns.map((text) => oneLine(text, longest)).join("\t");

export interface LookFlags {
  readonly filter?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
}

/** What owners know without reading a record. */
const known = ["class", "namespace", "policy", "destination", "state", "message"] as const;

export function selectionOf(
  filters: readonly string[] = [],
): Readonly<Partial<Record<(typeof known)[number], string>>> {
  const terms = filters.flatMap((text) => text.split(",")).map((term) => term.split(/=(.*)/s));
  for (const [name = "", value = ""] of terms)
    if (!known.some((each) => each === name.trim()) || value === "")
      throw usage(`--filter ${name}=${value}: destinations are chosen by ${known.join(", ")}`);
  return Object.fromEntries(terms.map(([name = "", value = ""]) => [name.trim(), value.trim()]));
}

export async function destinations(
  client: ApiClient,
  { filter, json }: LookFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const query = { ...(selectionOf(filter) as Selection), limit: 500 };
  const found: GroupsShape = await client.ask(countJobs, { query }, signal);
  for (const group of found.groups) out.line(json ? JSON.stringify(group) : groupLine(group));
  if (found.more > 0) out.error(`and ${found.more} smaller ones: choose with --filter`);
  lacking(found, out);
  return 0;
}

function groupLine(group: GroupsShape["groups"][number]): string {
  const { destination, policy, class: of, jobs, ready, deferred, held, paused, active, next } = group;
  const states = { ready, deferred, held, paused, active };
  const parts = Object.entries(states).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
  const tried = next === undefined ? "-" : `next ${when(next)}`;
  return row([destination, of, policy, `${jobs} jobs`, parts.join(" "), tried]);
}

export async function sites(
  client: ApiClient,
  { filter, json }: LookFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  if (filter !== undefined) throw usage("sites takes no --filter");
  const found = await client.ask(listSites, {}, signal);
  for (const site of found.sites) out.line(json ? JSON.stringify(site) : siteLine(site));
  if (found.sites.length === 0) out.error("nobody who sends knows a site just now");
  lacking(found, out);
  return 0;
}

function siteLine(site: SitesShape["sites"][number]): string {
  const { policy = "-", connections, allowed, state, suspended, backOffUntil, answers } = site;
  const about = (answers?.counts ?? []).map(({ about: what, recipients }) => `${recipients} ${what}`);
  const why = suspended
    ? `since ${when(suspended.since)}: ${suspended.reason}`
    : (answers?.last?.reply ?? "");
  return row([
    site.site,
    policy,
    state === "paused" ? "back-off" : state,
    `${connections} of ${allowed} connections`,
    backOffUntil === undefined ? "-" : `next ${when(backOffUntil)}`,
    about.join(" ") || "-",
    why || "-",
  ]);
}

function lacking(
  { missing, unread = [] }: { readonly missing: readonly string[]; readonly unread?: readonly string[] },
  out: CommandContext["out"],
): void {
  if (missing.length > 0) out.error(`not answering, so these figures are too small: ${missing.join(", ")}`);
  if (unread.length > 0) out.error(`not read as a whole, since nobody works on them: ${unread.join(", ")}`);
}
