/**
 * Reports on TLS: to whom they go, and what is in them.
 *
 * Spec:   RFC 8460 §3 (the record), §4.4.
 */
import type { Directory, ReportSender } from "../directory/directory.ts";
import type { Address } from "../mail/address.ts";
import type { Day } from "../mail/report/day.ts";
import { parseRua, reportRecord } from "../mail/report/rua.ts";
import { type TlsRow, tlsJson } from "../mail/report/tls.ts";
import type { Maker, Shape, Texts, Wish } from "./maker.ts";
import type { Group } from "./merge.ts";

export const tlsShape: Shape = {
  kind: "tls",
  senders,
  make,
  count: ({ rows }) => rows.reduce((sum, [, count]) => sum + count, 0),
};

export const tlsMaker = (txt: Texts): Maker => ({
  ...tlsShape,
  wish: (domain, signal) => wish(domain, txt, signal),
});

function senders(directory: Directory, namespace: string): ReadonlyMap<Address, ReportSender> {
  const found = new Map<Address, ReportSender>();
  for (const { policy, tlsReports } of directory.policies())
    if (policy.startsWith(`${namespace}/`) && tlsReports && !found.has(tlsReports.from))
      found.set(tlsReports.from, tlsReports);
  return found;
}

async function wish(domain: string, txt: Texts, signal: AbortSignal): Promise<Wish> {
  const answer = await txt(`_smtp._tls.${domain}`, signal);
  if (answer.kind === "failed") return { kind: "unknown", why: answer.text, known: [] };
  const rua = answer.kind === "found" ? reportRecord("tls", answer.records)?.get("rua") : undefined;
  const to = parseRua(rua ?? "");
  return to.length > 0 ? { kind: "wanted", to } : { kind: "unwanted" };
}

function make(
  { domain, rows }: Group,
  { organization, from: contact }: Pick<ReportSender, "from" | "organization">,
  day: Day,
  id: string,
): string {
  return tlsJson({
    organization,
    contact,
    id,
    domain,
    day,
    rows: rows.map(([row, count]) => ({ row: JSON.parse(row) as TlsRow, count })),
  });
}
