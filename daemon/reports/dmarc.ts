/**
 * DMARC aggregate reports: to whom they go, and what is in them.
 *
 * Spec:   RFC 7489 §7.1 (places outside of the domain must agree), §7.2, appendix C.
 */
import type { Directory, ReportSender } from "../directory/directory.ts";
import { type Address, domainOf } from "../mail/address.ts";
import { type Day, dayEnd, dayStart } from "../mail/report/day.ts";
import type { DmarcRow, PublishedPolicy } from "../mail/report/dmarc.ts";
import { dmarcXml } from "../mail/report/dmarc-xml.ts";
import { parseRua, type ReportUri, reportRecord } from "../mail/report/rua.ts";
import type { Maker, Shape, Texts, Wish } from "./maker.ts";
import type { Group } from "./merge.ts";

export interface DmarcMeans {
  readonly txt: Texts;
  /** The domain that a domain belongs to. Rejects when the DNS does not tell. */
  readonly organization: (domain: string, signal: AbortSignal) => Promise<string>;
}

export const dmarcShape: Shape = {
  kind: "dmarc",
  senders,
  make,
  count: ({ rows }) => rows.reduce((sum, [, count]) => sum + count, 0),
};

export const dmarcMaker = (means: DmarcMeans): Maker => ({
  ...dmarcShape,
  wish: (domain, signal) => wish(domain, means, signal),
});

function senders(directory: Directory, namespace: string): ReadonlyMap<Address, ReportSender> {
  const found = new Map<Address, ReportSender>();
  for (const entry of directory.domains())
    if (entry.namespace === namespace && entry.dmarcReports && !found.has(entry.dmarcReports.from))
      found.set(entry.dmarcReports.from, entry.dmarcReports);
  return found;
}

async function wish(domain: string, means: DmarcMeans, signal: AbortSignal): Promise<Wish> {
  const answer = await means.txt(`_dmarc.${domain}`, signal);
  if (answer.kind === "failed") return { kind: "unknown", why: answer.text, known: [] };
  const rua = answer.kind === "found" ? reportRecord("dmarc", answer.records)?.get("rua") : undefined;
  const to: ReportUri[] = [];
  let why: string | undefined;
  for (const uri of parseRua(rua ?? "")) {
    if (uri.kind !== "mail") continue; // RFC 7489 §6.2 knows no other way
    const agreed = await agreement(domain, uri, means, signal);
    if (agreed === "unknown") why = `whether ${domainOf(uri.address)} takes its reports is not known now`;
    else to.push(...agreed);
  }
  if (why !== undefined) return { kind: "unknown", why, known: to };
  return to.length > 0 ? { kind: "wanted", to } : { kind: "unwanted" };
}

type MailUri = Extract<ReportUri, { readonly kind: "mail" }>;

/** RFC 7489 §7.1: nobody is sent the reports of others without having said so; who did may name another address. */
async function agreement(
  domain: string,
  uri: MailUri,
  { txt, organization }: DmarcMeans,
  signal: AbortSignal,
): Promise<readonly MailUri[] | "unknown"> {
  const host = domainOf(uri.address).toLowerCase();
  try {
    if (host === domain || (await organization(host, signal)) === (await organization(domain, signal)))
      return [uri];
  } catch {
    signal.throwIfAborted();
    return "unknown";
  }
  const answer = await txt(`${domain}._report._dmarc.${host}`, signal);
  if (answer.kind === "failed") return "unknown";
  if (answer.kind !== "found") return [];
  const record = reportRecord("dmarc", answer.records);
  if (record === undefined) return [];
  const others = parseRua(record.get("rua") ?? "").filter(
    (other): other is MailUri => other.kind === "mail" && domainOf(other.address).toLowerCase() === host,
  );
  return record.has("rua") ? others : [uri];
}

function make(
  group: Group,
  sender: Pick<ReportSender, "from" | "organization">,
  day: Day,
  reportId: string,
): string {
  return dmarcXml({
    organization: sender.organization,
    email: sender.from,
    id: reportId,
    begin: dayStart(day) / 1_000,
    end: dayEnd(day) / 1_000 - 1,
    policy: JSON.parse(group.head) as PublishedPolicy,
    rows: group.rows.map(([row, count]) => ({ row: JSON.parse(row) as DmarcRow, count })),
    errors:
      group.missed > 0 ? [`${group.missed} further messages are not told: there were too many rows`] : [],
  });
}
