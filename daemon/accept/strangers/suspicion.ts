/**
 * What a recipient's domain makes of a stranger: of its HELO, its name in the DNS, and the lists that hold its address.
 *
 * In:     the domain's choices, the client, what the DNS says of it.
 * Out:    what to do, the worst of all findings; notes for the trace field; why, for the reply.
 * Fails:  never: what the DNS does not tell has no opinion.
 */
import type { Protection } from "../../directory/protection.ts";
import type { Reply } from "../../mail/reply.ts";
import { replies } from "../replies.ts";
import { type Listing, listAction, listingOf, sumOf } from "../rules/dns-lists.ts";
import { type HeloFault, heloSays } from "../rules/helo.ts";
import { type Refusal, refusal } from "../rules/rule.ts";
import type { ClientLookups } from "./lookups.ts";

type Action = "Off" | "Mark" | "Junk" | "Reject";
const rank = { Off: 0, Mark: 1, Junk: 2, Reject: 3 } as const;

export interface Suspicion {
  readonly action: Action;
  /** Of the one that refuses. */
  readonly refusal: Refusal | undefined;
  /** Such as `helo=unresolvable`. */
  readonly notes: readonly string[];
  /** Of all lists; below 0: it is known as good. */
  readonly score: number;
  /** Every answer waits. */
  readonly slow: boolean;
}

export interface Suspect {
  readonly client: string;
  readonly helo: string;
  /** Whether a name is our host's, or a domain of ours. */
  readonly isOurs: (name: string) => boolean;
}

interface Finding {
  readonly action: Action;
  readonly rule: string;
  readonly reply: Reply;
  readonly note: string;
}

export async function suspicionOf(
  { helo, reverseDns, dnsLists }: Protection,
  suspect: Suspect,
  lookups: ClientLookups,
): Promise<Suspicion> {
  const [heloFinding, reverseFinding, listings] = await Promise.all([
    findHelo(helo, suspect, lookups),
    findReverse(reverseDns, suspect, lookups),
    findListings(dnsLists.lists, suspect, lookups),
  ]);
  const score = sumOf(listings);
  const listed = listFinding(listings, listAction(score, dnsLists), suspect);
  const findings = [heloFinding, reverseFinding, listed].filter((finding) => finding !== undefined);
  const worst = findings.reduce<Finding | undefined>(
    (one, other) => (rank[other.action] > rank[one?.action ?? "Off"] ? other : one),
    undefined,
  );
  return {
    action: worst?.action ?? "Off",
    refusal: worst?.action === "Reject" ? refusal(worst.rule, worst.reply) : undefined,
    notes: findings.map(({ note }) => note),
    score,
    slow: score >= (dnsLists.tarpitAt ?? Number.POSITIVE_INFINITY),
  };
}

async function findHelo(
  actions: Protection["helo"],
  { helo, client, isOurs }: Suspect,
  lookups: ClientLookups,
): Promise<Finding | undefined> {
  const says = heloSays(helo, client, isOurs);
  if (says.kind === "literal") return undefined;
  if (says.kind === "fault") return heloFinding(actions[says.fault], says.fault);
  if (actions.unresolvable === "Off" || (await lookups.exists(says.name)) !== false) return undefined;
  return heloFinding(actions.unresolvable, "unresolvable");
}

const heloFinding = (action: Action, fault: HeloFault): Finding | undefined =>
  action === "Off"
    ? undefined
    : { action, rule: "helo", reply: replies.heloFault[fault], note: `helo=${fault}` };

async function findReverse(
  actions: Protection["reverseDns"],
  { client }: Suspect,
  lookups: ClientLookups,
): Promise<Finding | undefined> {
  if (actions.missing === "Off" && actions.mismatch === "Off") return undefined;
  const answer = await lookups.reverse(client);
  if (answer === "unknown" || answer.kind === "confirmed" || actions[answer.kind] === "Off") return undefined;
  const reply = answer.kind === "missing" ? replies.noReverseDns(client) : replies.wrongReverseDns(client);
  return { action: actions[answer.kind], rule: "reverseDns", reply, note: `reverse=${answer.kind}` };
}

async function findListings(
  lists: Protection["dnsLists"]["lists"],
  { client }: Suspect,
  lookups: ClientLookups,
): Promise<readonly Listing[]> {
  const found = await Promise.all(
    lists.map(async (list) => {
      const answers = await lookups.listed(client, list.zone);
      return answers === "unknown" ? undefined : listingOf(list, answers);
    }),
  );
  return found.filter((listing) => listing !== undefined);
}

function listFinding(listings: readonly Listing[], action: Action, { client }: Suspect): Finding | undefined {
  if (action === "Off") return undefined;
  const zones = listings.filter(({ weight }) => weight > 0).map(({ zone }) => zone);
  const note = listings.map(({ zone, answer, weight }) => `${zone}(${answer},${weight})`).join(",");
  const words = `lists=${note} score=${sumOf(listings)}`;
  return { action, rule: "dnsLists", reply: replies.listed(client, zones), note: words };
}
