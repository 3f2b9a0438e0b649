/**
 * `kubectl postfleet status`: what is declared, what runs, and everything that is not as it should be.
 *
 * In:     resources and pods as the API server has them. Pure.
 * Out:    text. The last line is the verdict; `healthy` is the exit code's reason.
 */
import type {
  MailboxSpec,
  MailboxStatus,
  MailDomainSpec,
  MailDomainStatus,
  RelayPolicySpec,
  RelayPolicyStatus,
} from "../../crds/types.ts";
import type { KubeObject, Typed } from "../kube/object.ts";
import { age, table } from "./table.ts";

export type DomainObject = Typed<MailDomainSpec, MailDomainStatus>;
export type MailboxObject = Typed<MailboxSpec, MailboxStatus>;
export type PolicyObject = Typed<RelayPolicySpec, RelayPolicyStatus>;

export interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
  readonly containerStatuses?: readonly {
    readonly restartCount: number;
    readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  }[];
}
export type PodObject = Typed<unknown, PodStatus>;

export interface World {
  readonly domains: readonly DomainObject[];
  readonly mailboxes: readonly MailboxObject[];
  readonly policies: readonly PolicyObject[];
  readonly pods: readonly PodObject[];
}

export interface Verdict {
  readonly text: string;
  readonly healthy: boolean;
}

interface Conditioned {
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message: string;
  }[];
}

const conditionOf = (object: Typed<unknown, Conditioned | undefined>, type: string) =>
  object.status?.conditions?.find((condition) => condition.type === type);
const stateOf = (object: Typed<unknown, Conditioned | undefined>, type: string) =>
  conditionOf(object, type)?.status ?? "Unknown";
const pathOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;

export function overview(world: World, now: number): Verdict {
  const sections = [domainTable(world, now), policyTable(world, now), podTable(world, now)];
  const wrong = [...complaints(world)];
  const boxes = world.mailboxes.filter((each) => stateOf(each, "Ready") === "True").length;
  const mail = `MAILBOXES: ${boxes} of ${world.mailboxes.length} ready`;
  const last =
    wrong.length === 0 ? "All is well." : `Not as it should be:\n${wrong.map((w) => `  ${w}`).join("\n")}`;
  return { text: [...sections, mail, last].join("\n\n"), healthy: wrong.length === 0 };
}

function domainTable({ domains }: World, now: number): string {
  if (domains.length === 0)
    return "No MailDomain here: kubectl apply one, or ask with -A for all namespaces.";
  const rows = domains.map((each) => [
    each.spec.domain,
    pathOf(each),
    stateOf(each, "Ready"),
    each.status?.loaded ?? "-",
    stateOf(each, "DNSVerified"),
    age(each.metadata.creationTimestamp, now),
  ]);
  return table(["DOMAIN", "RESOURCE", "READY", "LOADED", "DNS", "AGE"], rows);
}

function policyTable({ policies }: World, now: number): string {
  const rows = policies.map((each) => {
    const queue = each.status?.queue;
    return [
      pathOf(each),
      stateOf(each, "Ready"),
      String(each.status?.replicas ?? "-"),
      String(queue?.due ?? "-"),
      String(queue?.deferred ?? "-"),
      each.spec.paused ? "paused" : (each.spec.route?.smarthost?.host ?? "MX"),
      age(each.metadata.creationTimestamp, now),
    ];
  });
  return table(["RELAYPOLICY", "READY", "PODS", "DUE", "DEFERRED", "ROUTE", "AGE"], rows);
}

function podTable({ pods }: World, now: number): string {
  const rows = pods.map((each) => [
    pathOf(each),
    each.metadata.labels?.["app.kubernetes.io/component"] ?? "-",
    podReady(each) ? "True" : "False",
    String(restartsOf(each)),
    age(each.metadata.creationTimestamp, now),
  ]);
  return table(["POD", "ROLE", "READY", "RESTARTS", "AGE"], rows);
}

const podReady = ({ status }: PodObject) =>
  status?.conditions?.some(({ type, status: state }) => type === "Ready" && state === "True") ?? false;
const restartsOf = ({ status }: PodObject) =>
  (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);

/** One sentence for each thing that is wrong, the most general first. */
function* complaints({ domains, mailboxes, policies, pods }: World): Generator<string> {
  for (const pod of pods)
    if (!podReady(pod) && pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== "Succeeded")
      yield `Pod ${pathOf(pod)} is not ready: ${podReason(pod)}`;
  for (const each of [...domains, ...policies, ...mailboxes]) {
    const ready = conditionOf(each, "Ready");
    if (ready?.status !== "True")
      yield `${each.kind} ${pathOf(each)}: ${ready?.message ?? "no operator has looked at it yet"}`;
  }
  for (const each of domains) {
    const dns = conditionOf(each, "DNSVerified");
    if (dns?.status === "False")
      yield `MailDomain ${pathOf(each)}: ${dns.message} (kubectl postfleet dns ${each.spec.domain})`;
  }
}

function podReason({ status }: PodObject): string {
  const waiting = status?.containerStatuses?.find(({ state }) => state?.waiting)?.state?.waiting;
  if (waiting) return [waiting.reason, waiting.message].filter(Boolean).join(": ");
  const not = status?.conditions?.find(({ status: state, message }) => state === "False" && message);
  return not?.message ?? status?.phase ?? "its state is unknown";
}

/** One domain, whole: conditions with their messages, where it is reached, and its mailboxes. */
export function domainDetail(domain: DomainObject, { mailboxes }: World, now: number): Verdict {
  const conditions = (domain.status?.conditions ?? []).map(
    ({ type, status, message, lastTransitionTime }) => [
      `${type}`,
      status,
      age(lastTransitionTime, now),
      message,
    ],
  );
  const ends = (domain.status?.endpoints ?? []).map(({ service, host, port, addresses = [] }) => [
    service,
    `${host}:${port}`,
    addresses.join(", ") || "no address yet",
  ]);
  const name = domain.spec.domain.toLowerCase();
  const own = mailboxes.filter(({ spec }) => spec.address.toLowerCase().endsWith(`@${name}`));
  const boxes = own.map((each) => [
    each.spec.address,
    stateOf(each, "Ready"),
    each.status?.used ?? "-",
    limitOf(each),
  ]);
  const records = (domain.status?.dnsRecords ?? []).filter(
    ({ state }) => state === "Missing" || state === "Different",
  );
  const sections = [
    `${domain.spec.domain} (MailDomain ${pathOf(domain)})`,
    table(["CONDITION", "STATUS", "SINCE", "MESSAGE"], conditions),
    ...(ends.length > 0 ? [table(["SERVICE", "ADDRESS", "REACHED AT"], ends)] : []),
    ...(boxes.length > 0 ? [table(["MAILBOX", "READY", "USED", "QUOTA"], boxes)] : []),
    ...records.map(({ type, name, value, state }) => `DNS ${state}: ${name} ${type} should be ${value}`),
  ];
  return { text: sections.join("\n\n"), healthy: stateOf(domain, "Ready") === "True" };
}

const limitOf = ({ spec }: MailboxObject) => (spec.quota === undefined ? "none" : String(spec.quota));
