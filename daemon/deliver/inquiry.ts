/**
 * What an owner of jobs can tell people, all of it from memory: its schedule, the sites it sends to, the keys it signs with.
 *
 * In:     an inquiry, as it came from another process.
 * Out:    `Groups`, a `Page`, `SiteState`s, or `KeyState`s.
 * Fails:  throws on an inquiry that it does not know.
 */
import type { Directory } from "../directory/directory.ts";
import type { Domain } from "../mail/address.ts";
import { type DkimAlgorithm, dkimRecord, dkimRecordName, parseDkimKey } from "../mail/dkim/keys.ts";
import type { SigningKey } from "../mail/dkim/sign.ts";
import { countGroups, type JobInquiry, type Looking, pageOf } from "../queue/inquiry.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Entry } from "../queue/schedule.ts";
import type { SiteName } from "./route/types.ts";
import type { PublishedKeys } from "./sign/published-keys.ts";
import type { RecentAnswers } from "./site/answers.ts";
import type { SiteState as HowItIs } from "./site/site.ts";
import type { Sites } from "./site/sites.ts";

export type Inquiry =
  | JobInquiry
  | { readonly kind: "sites"; readonly limit: number }
  | { readonly kind: "keys"; readonly domain: Domain };

export interface SiteState {
  readonly site: SiteName;
  /** Absent: told by a daemon of before it was told. */
  readonly policy?: PolicyName;
  readonly connections: number;
  /** As the policy has it, and as the site has shown to bear. */
  readonly maxConnections: number;
  readonly allowed: number;
  /** `slowed`: it asked for less, and gets more again little by little. */
  readonly state: HowItIs;
  /** As the policy has it, or less while it is slowed. */
  readonly ratePerMinute?: number;
  /** It is not tried before: it could not be used, or asked to be left alone; ms since the epoch. */
  readonly backOffUntil?: number;
  /** Of the last hour; absent: nothing was sent. */
  readonly answers?: RecentAnswers;
}

export interface KeyState {
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly name: string;
  readonly record: string;
  /** `waiting`: newer than the one that signs, since the DNS does not show its record yet. */
  readonly state: "waiting" | "signing" | "former";
}

export interface InquiryContext {
  readonly entries: () => Iterable<Entry>;
  readonly sites: Sites;
  readonly directory: () => Directory;
  readonly keys: Pick<PublishedKeys, "of">;
  readonly looking: () => Looking;
}

export async function answerInquiry(inquiry: Inquiry, context: InquiryContext): Promise<unknown> {
  switch (inquiry.kind) {
    case "groups":
      return countGroups(context.entries(), inquiry, context.looking());
    case "jobs":
      return pageOf(context.entries(), inquiry, context.looking());
    case "sites":
      return sitesOf(context.sites, context.looking().now, inquiry.limit);
    case "keys":
      return keysOf(inquiry.domain, context);
    default:
      throw new RangeError(`no inquiry is called ${String((inquiry as { kind?: unknown }).kind)}`);
  }
}

/** Those that are in trouble come first, then the busiest. */
function sitesOf(sites: Sites, now: number, limit: number): readonly SiteState[] {
  const states: SiteState[] = [];
  for (const [site, gate] of sites.entries()) {
    const { connections, limits, policy } = gate;
    const until = gate.backOff(now) ?? gate.askedToWait(now);
    const state = gate.state(now);
    const answers = gate.answers.recent(now);
    if (connections === 0 && state === "open" && answers === undefined) continue;
    const { maxConnections } = limits;
    const ratePerMinute = gate.ratePerMinute(now);
    states.push({
      site,
      policy,
      connections,
      maxConnections,
      allowed: gate.allowed(now),
      state,
      ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
      ...(until === undefined ? {} : { backOffUntil: until }),
      ...(answers === undefined ? {} : { answers }),
    });
  }
  return states.toSorted(byTrouble).slice(0, limit);
}

export const byTrouble = (a: SiteState, b: SiteState): number =>
  (b.backOffUntil ?? 0) - (a.backOffUntil ?? 0) ||
  Number(b.state === "suspended") - Number(a.state === "suspended") ||
  Number(b.state === "slowed") - Number(a.state === "slowed") ||
  b.connections - a.connections;

async function keysOf(
  domain: Domain,
  { directory, keys }: InquiryContext,
): Promise<readonly KeyState[] | undefined> {
  const entry = directory().domain(domain);
  if (entry === undefined) return undefined;
  const signing = await keys.of(entry);
  const states: KeyState[] = [];
  for (const { selector, privateKey } of entry.dkim) {
    const key = readKey(privateKey);
    if (key === undefined) continue;
    const { algorithm } = key;
    const name = dkimRecordName(selector, domain);
    const state = stateOf(selector, algorithm, signing, states);
    states.push({ selector, algorithm, name, record: dkimRecord(key), state });
  }
  return states;
}

/** The oldest comes first: what comes behind the one that signs is newer. */
function stateOf(
  selector: string,
  algorithm: DkimAlgorithm,
  signing: readonly SigningKey[],
  before: readonly KeyState[],
): KeyState["state"] {
  const signs = signing.find((key) => key.algorithm === algorithm)?.selector;
  if (signs === selector) return "signing";
  return before.some((key) => key.selector === signs && key.algorithm === algorithm) ? "waiting" : "former";
}

function readKey(pem: string) {
  try {
    return parseDkimKey(pem);
  } catch {
    return undefined; // told by the signer
  }
}
