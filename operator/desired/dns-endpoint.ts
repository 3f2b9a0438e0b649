/**
 * Hands the DNS records of a MailDomain to external-dns, which writes those of the zones that it manages.
 *
 * Out:    one DNSEndpoint, records of one name and type together; `undefined` where there is nothing to hand over.
 *         external-dns must be told of the types: `--managed-record-types=MX`, and TXT, SRV, CNAME likewise.
 */
import type { DnsRecord } from "../../crds/types.ts";
import type { KubeObject, OwnerReference } from "../kube/object.ts";
import type { Installation } from "./installation.ts";
import { commonLabels, object } from "./names.ts";

export interface RecordsWish {
  readonly namespace: string;
  /** Of the MailDomain. */
  readonly name: string;
  readonly records: readonly Pick<DnsRecord, "type" | "name" | "value">[];
  readonly owner?: OwnerReference | undefined;
}

const managed = new Set(["A", "AAAA", "CNAME", "MX", "SRV", "TXT"]);
const ttlSeconds = 3600;

export function dnsEndpoint(
  installation: Installation,
  { namespace, name, records, owner }: RecordsWish,
): KubeObject | undefined {
  const targets = new Map<string, { dnsName: string; recordType: string; targets: string[] }>();
  for (const record of records.filter(({ type }) => managed.has(type))) {
    const key = `${record.type} ${record.name}`;
    const endpoint = targets.get(key) ?? { dnsName: record.name, recordType: record.type, targets: [] };
    endpoint.targets.push(record.value);
    targets.set(key, endpoint);
  }
  if (targets.size === 0) return undefined;
  const identity = { namespace, name, labels: commonLabels(installation), owner };
  return object("externaldns.k8s.io/v1alpha1", "DNSEndpoint", identity, {
    spec: {
      endpoints: [...targets.values()].map((endpoint) => ({ ...endpoint, recordTTL: ttlSeconds })),
    },
  });
}
