/** The sites that mail goes to, as all relays together see them: each process paces its own connections. */
import { byTrouble, type SiteState } from "../deliver/inquiry.ts";
import type { QueueIndex } from "./queue-index.ts";

export interface SiteLine extends SiteState {
  /** How many processes are connected, or keep away. */
  readonly processes: number;
}

export interface SiteList {
  readonly sites: readonly SiteLine[];
  readonly missing: readonly string[];
}

export async function siteList(index: QueueIndex, limit: number, signal: AbortSignal): Promise<SiteList> {
  const { said, missing } = await index.tell<readonly SiteState[]>({ kind: "sites", limit }, signal);
  const sites = new Map<string, SiteLine>();
  // A process speaks once for each of its pools; its sites are the same.
  const heard = new Set<string>();
  for (const { member, answer } of said) {
    if (heard.has(member)) continue;
    heard.add(member);
    for (const state of answer) sites.set(state.site, added(sites.get(state.site), state));
  }
  return { sites: [...sites.values()].sort(byTrouble).slice(0, limit), missing };
}

function added(line: SiteLine | undefined, state: SiteState): SiteLine {
  if (line === undefined) return { ...state, processes: 1 };
  const until = Math.max(line.backOffUntil ?? 0, state.backOffUntil ?? 0);
  return {
    ...line,
    processes: line.processes + 1,
    connections: line.connections + state.connections,
    maxConnections: line.maxConnections + state.maxConnections,
    allowed: line.allowed + state.allowed,
    state: worse(line.state, state.state),
    ...(until === 0 ? {} : { backOffUntil: until }),
  };
}

/** What the worst off of the processes hears; one of before there were states has none. */
const worse = (a: SiteState["state"], b: SiteState["state"] = "open"): SiteState["state"] =>
  a === "paused" || b === "open" ? a : b;
