/**
 * `kubectl postfleet dns DOMAIN`: the records that its owner publishes, and what DNS says now. Pure.
 */
import { zoneFile } from "../../daemon/mail/zone/zone-file.ts";
import { PluginError } from "./kubectl.ts";
import type { DomainObject, Verdict } from "./status.ts";

export interface DnsView {
  readonly zone: boolean;
  readonly json: boolean;
}

export function dnsView(domain: DomainObject, { zone, json }: DnsView): Verdict {
  const records = domain.status?.dnsRecords ?? [];
  if (records.length === 0)
    throw new PluginError(
      `the status of MailDomain ${domain.metadata.namespace}/${domain.metadata.name} has no DNS records yet; is the operator running?`,
    );
  const healthy = records.every(({ state, required }) => state === "Ok" || required !== true);
  if (json) return { text: JSON.stringify(records, null, 2), healthy };
  if (zone) return { text: zoneFile(records.map(asZone)).trimEnd(), healthy };
  const text = records
    .map(({ type, name, value, state, observed, required }) => {
      const good = required === true ? "" : " (good to have)";
      const now = state === "Different" ? `\n  DNS says: ${(observed ?? []).join(" | ")}` : "";
      return `${state.padEnd(9)} ${name} ${type}${good}\n  ${value}${now}`;
    })
    .join("\n");
  return { text, healthy };
}

type ZoneRecord = Parameters<typeof zoneFile>[0][number];
const asZone = ({ type, name, value }: { type: string; name: string; value: string }): ZoneRecord => ({
  type: type as ZoneRecord["type"],
  name,
  value,
});
