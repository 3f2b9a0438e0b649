/**
 * The status of a MailDomain: is mail for the domain accepted, do the daemons know it, can the world find it?
 *
 * Rules:  `Ready` does not wait for DNS nor for DKIM keys: the domain works for whoever can reach it. Its message tells
 *         what is still to be done.
 */
import type { DnsRecord, MailDomainStatus, MailEndpoint } from "../../crds/types.ts";
import { conditionsOf, no, unknown, type Verdict, yes } from "./conditions.ts";
import type { CommonFacts, DeletionFacts, PublicationFacts } from "./facts.ts";
import { type FilterFacts, filtersVerdict } from "./filters.ts";
import {
  acceptedVerdict,
  deletionVerdicts,
  faultOutlook,
  frozenStatus,
  outlookVerdicts,
  programmedOutlook,
  programmedVerdict,
} from "./verdicts.ts";
import { type WebhookFacts, webhooksVerdict } from "./webhooks.ts";

export interface MailDomainFacts extends CommonFacts<MailDomainStatus> {
  readonly records: readonly DnsRecord[];
  /** Keys are made in the background. */
  readonly dkim: { readonly kind: "ready" | "making" };
  readonly endpoints: readonly MailEndpoint[];
  /** Its RelayPolicy is not declared: what that means and what helps. */
  readonly policyMissing?: string;
  readonly deletion?: DeletionFacts;
  /** `undefined`: it has none. */
  readonly filters?: FilterFacts;
  /** `undefined`: it has none. */
  readonly webhooks?: WebhookFacts;
}

const types = ["Accepted", "Programmed", "DNSVerified", "Ready", "Reconciling", "Stalled"];

export function mailDomainStatus(facts: MailDomainFacts): MailDomainStatus {
  if (facts.frozen) return frozenStatus(facts, types);
  const { acceptance, publication, generation, endpoints, deletion, before, filters, webhooks } = facts;
  const refused = acceptance.kind === "refused";
  const records = refused ? [] : facts.records.map(ordered);
  const dns = refused
    ? unknown("DNSVerified", "NotAccepted", "not looked at: see Accepted")
    : dnsVerdict(records);
  const verdicts = [
    acceptedVerdict(acceptance),
    programmedVerdict(facts),
    dns,
    ...(deletion ? deletionVerdicts(deletion) : outlookVerdicts(outlook(facts, dns))),
    ...(filters && !refused ? [filtersVerdict(filters)] : []),
    ...(webhooks && !refused ? [webhooksVerdict(webhooks)] : []),
  ];
  // While the same generation is told anew, with keys that were made meanwhile, what is loaded is no less.
  const known = before?.observedGeneration === generation ? before.loaded : undefined;
  const loaded = loadedText(publication) ?? known;
  return {
    observedGeneration: generation,
    ...(loaded === undefined || refused ? {} : { loaded }),
    ...(records.length === 0 ? {} : { dnsRecords: records }),
    ...(refused || endpoints.length === 0 ? {} : { endpoints }),
    conditions: conditionsOf(verdicts, { ...facts, before: before?.conditions }),
  };
}

const loadedText = (publication: PublicationFacts): string | undefined =>
  publication.kind === "published" ? `${publication.loaded}/${publication.ready}` : undefined;

/** Resolvers answer in any order; that is no news. */
const ordered = (record: DnsRecord): DnsRecord =>
  record.observed ? { ...record, observed: [...record.observed].sort() } : record;

function outlook(facts: MailDomainFacts, dns: Verdict) {
  const before = faultOutlook(facts) ?? programmedOutlook(facts);
  if (before) return before;
  if (facts.policyMissing !== undefined)
    return {
      kind: "progressing",
      reason: "PolicyNotFound",
      message: `spec.relayPolicyRef: ${facts.policyMissing}; mail is accepted, and what must leave waits`,
    } as const;
  const todo = [
    ...(dns.status === "False" ? ["DNS is not as it should be, see DNSVerified"] : []),
    ...(facts.dkim.kind === "making" ? ["DKIM keys are being made"] : []),
    ...(facts.filters && facts.filters.failing.length > 0
      ? ["a content filter fails, see FiltersAnswer"]
      : []),
  ];
  const message = ["mail is accepted and delivered", ...todo].join("; ");
  return { kind: "ready", reason: "Serving", message } as const;
}

/** As many as a person reads. */
const mostNamed = 3;

function dnsVerdict(records: readonly DnsRecord[]): Verdict {
  const type = "DNSVerified";
  const needed = records.filter(({ required }) => required === true);
  const wrong = needed.filter(({ state }) => state === "Missing" || state === "Different");
  if (wrong.length > 0) {
    const reason = wrong.some(({ state }) => state === "Different") ? "RecordsDiffer" : "RecordsMissing";
    return no(type, reason, `${wrong.slice(0, mostNamed).map(remedy).join("; ")}${more(wrong.length)}`);
  }
  if (needed.length === 0 || needed.some(({ state }) => state === "Unknown"))
    return unknown(type, "NotChecked", "the resolver has not answered yet; it is asked again");
  const optional = records.filter(({ required, state }) => required !== true && state !== "Ok");
  const hint =
    optional.length === 0
      ? ""
      : `; ${optional.length} that would be good to have are listed in status.dnsRecords`;
  return yes(type, "RecordsFound", `all ${needed.length} records that mail needs are there${hint}`);
}

const more = (count: number): string =>
  count > mostNamed ? `; and ${count - mostNamed} more, see status.dnsRecords` : "";

const remedy = ({ type, name, value, observed, state }: DnsRecord): string =>
  state === "Missing"
    ? `add ${type} ${name} with ${value}`
    : `change ${type} ${name} from ${observed?.join(", ") ?? "what it is"} to ${value}`;
