/**
 * What DNS and people should know of a domain: host names, records, endpoints. Pure.
 */
import { deliveryOf } from "../../crds/choices.ts";
import { canonicalDomain } from "../../crds/names.ts";
import { noRelayPolicy } from "../../crds/references.ts";
import type { DnsRecord, MailEndpoint } from "../../crds/types.ts";
import { stsPolicyOf } from "../../daemon/directory/sts-policy.ts";
import { stsPolicyId } from "../../daemon/mail/mta-sts.ts";
import { type DomainFacts, type WantedRecord, wantedRecords } from "../../daemon/mail/zone/records.ts";
import { type Installation, type SetComponent, serviceNames } from "../desired/installation.ts";
import { serviceName } from "../desired/names.ts";
import { portsOfService, servicesOf } from "../desired/ports.ts";
import type { CheckedRecord } from "../dns/record-watch.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache } from "../kube/port.ts";
import type { DkimRecord } from "./dkim-keys.ts";
import { type MailDomain, namespaceOf } from "./resources.ts";

export const hostnamesOf = ({ spec }: MailDomain, { hostname }: Pick<Installation, "hostname">) =>
  spec.hostnames.length > 0 ? spec.hostnames : [hostname];

/** Where the gateway and mailbox pods are that serve the domains of a namespace. */
export const servingNamespace = (
  { placement, namespace }: Pick<Installation, "placement" | "namespace">,
  ofDomain: string,
): string => (placement === "Shared" ? namespace : ofDomain);

export function recordsOf(
  domain: MailDomain,
  installation: Pick<Installation, "hostname">,
  dkim: readonly DkimRecord[],
): readonly WantedRecord[] {
  const name = canonicalDomain(domain.spec.domain);
  if (name === undefined) return [];
  const policy = stsPolicyOf(domain.spec, installation.hostname);
  const reportTo = domain.spec.tlsReporting?.reportTo;
  const facts: DomainFacts = {
    domain: name,
    mailHosts: hostnamesOf(domain, installation),
    dkim,
    mailboxes: deliveryOf(domain.spec).mailbox !== undefined,
    ...(policy === undefined ? {} : { mtaStsId: stsPolicyId(policy) }),
    ...(reportTo === undefined ? {} : { tlsReportTo: reportTo }),
  };
  return wantedRecords(facts);
}

const serviceWords = {
  smtp: "Smtp",
  submission: "Submission",
  submissions: "Submissions",
  imap: "Imap",
  imaps: "Imaps",
  pop3: "Pop3",
  pop3s: "Pop3s",
  /** Nothing that most mail programs use. */
  managesieve: undefined,
  "mta-sts": undefined,
} as const;

interface Service extends KubeObject {
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

export function endpointsOf(
  domain: MailDomain,
  installation: Installation,
  serviceAt: (namespace: string, name: string) => KubeObject | undefined,
): readonly MailEndpoint[] {
  const namespace = servingNamespace(installation, namespaceOf(domain));
  const [host = installation.hostname] = hostnamesOf(domain, installation);
  const mailboxes = deliveryOf(domain.spec).mailbox !== undefined;
  const components: readonly SetComponent[] = mailboxes ? ["gateway", "mailbox"] : ["gateway"];
  const offered = serviceNames.filter(
    (name) =>
      installation.services[name].enabled && components.some((each) => servicesOf[each].includes(name)),
  );
  return offered.flatMap((name) => {
    const service = serviceAt(namespace, serviceName(installation, name)) as Service | undefined;
    const ingress = service?.status?.loadBalancer?.ingress ?? [];
    const addresses = ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
    return portsOfService[name].flatMap(({ name: port, servicePort }): MailEndpoint[] => {
      const service = serviceWords[port];
      if (service === undefined) return [];
      return [{ service, host, port: servicePort, ...(addresses.length === 0 ? {} : { addresses }) }];
    });
  });
}

/** What is wrong with its `relayPolicyRef`. Daemons have a policy named `default` also where none is declared. */
export function missingPolicy(
  { metadata: { namespace = "" }, spec }: MailDomain,
  policies: Pick<Cache, "get">,
): string | undefined {
  const { name } = spec.relayPolicyRef;
  const isThere = name === "default" || policies.get(namespace, name) !== undefined;
  return isThere ? undefined : noRelayPolicy(name, namespace);
}

/** As the status tells them: what nobody has looked at since this process began is as it was told before. */
export function recordStatuses(
  checked: readonly CheckedRecord[],
  before: readonly DnsRecord[] = [],
): readonly DnsRecord[] {
  const idOf = ({ type, name, value }: Pick<DnsRecord, "type" | "name" | "value">) =>
    `${type} ${name} ${value}`;
  const known = new Map(before.map((record) => [idOf(record), record]));
  return checked.map((record) =>
    record.state === "Unknown" ? (known.get(idOf(record)) ?? recordStatus(record)) : recordStatus(record),
  );
}

const recordStatus = ({ type, name, value, observed, state, needed }: CheckedRecord): DnsRecord => ({
  type,
  name,
  value,
  ...(state === "Unknown" ? {} : { observed }),
  state,
  ...(needed ? { required: true } : {}),
});
