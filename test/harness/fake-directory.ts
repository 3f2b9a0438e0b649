/**
 * A directory for unit tests: domains, mailboxes and policies in a few words, resolved by plain loops. It shares no
 * code with the real one, so that it can serve as its judge.
 */
import type {
  Directory,
  DomainDelivery,
  DomainEntry,
  LiveDirectory,
  MailboxEntry,
  PolicyEntry,
  Resolution,
} from "../../daemon/directory/directory.ts";
import { type Address, type Domain, domainOf, localPartOf } from "../../daemon/mail/address.ts";
import { mailboxName, type Quota } from "../../daemon/mailbox/store.ts";
import type { PolicyName } from "../../daemon/queue/job.ts";

export interface FakeDomain {
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  readonly catchAll?: string;
  readonly delivery?: DomainDelivery;
  readonly limits?: DomainEntry["limits"];
  readonly policy?: string;
}

export interface FakeMailbox {
  readonly aliases?: readonly string[];
  readonly forwardTo?: readonly string[];
  readonly keepCopy?: boolean;
  readonly suspended?: boolean;
  readonly quota?: Quota;
  readonly passwordHash?: string;
}

export interface FakePolicy {
  readonly cidrs?: readonly string[];
  readonly lineEnds?: "Refuse" | "Normalize";
  readonly limits?: Partial<PolicyEntry["limits"]>;
}

export interface FakeResources {
  readonly domains?: Readonly<Record<string, FakeDomain>>;
  readonly mailboxes?: Readonly<Record<string, FakeMailbox>>;
  readonly policies?: Readonly<Record<string, FakePolicy>>;
}

export function fakeDirectory(resources: FakeResources, revision = 1): Directory {
  const domains = Object.entries(resources.domains ?? {}).map(([name, fake]) => domainEntry(name, fake));
  const mailboxes = Object.entries(resources.mailboxes ?? {}).map(([name, fake]) => mailboxEntry(name, fake));
  const policies = Object.entries(resources.policies ?? {}).map(([name, fake]) => policyEntry(name, fake));
  const directory: Directory = {
    revision,
    domain: (domain) => domains.find((entry) => entry.domain === domain),
    mailbox: (name) => mailboxes.find((entry) => entry.mailbox === name),
    policy: (name) =>
      policies.find((entry) => entry.policy === name) ??
      (name.endsWith("/default") ? policyEntry(name, {}) : undefined),
    postmaster: () => domains[0] && (`postmaster@${domains[0].domain}` as Address),
    domains: () => domains,
    mailboxes: () => mailboxes,
    policies: () => policies,
    resolve: (address) => resolve(directory, address),
  };
  return directory;
}

/** A live directory that changes when told. */
export function fakeLive(resources: FakeResources): LiveDirectory & { set(resources: FakeResources): void } {
  let current = fakeDirectory(resources);
  const listeners = new Set<(directory: Directory) => void>();
  return {
    current: () => current,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (next) => {
      current = fakeDirectory(next, current.revision + 1);
      for (const listener of listeners) listener(current);
    },
  };
}

function resolve(directory: Directory, address: Address): Resolution {
  const domain = directory.domain(domainOf(address));
  if (!domain) return { kind: "foreign" };
  if (domain.delivery.kind === "forward") return { kind: "expand", domain, to: domain.delivery.to };
  const [name = "", ...detail] = localPartOf(address).toLowerCase().split("+");
  for (const local of [localPartOf(address).toLowerCase(), name]) {
    const found = named(directory, domain, local);
    if (found)
      return found.kind === "mailbox" && detail.length > 0 && local === name
        ? { ...found, detail: detail.join("+") }
        : found;
  }
  if (domain.delivery.kind === "lmtp") return { kind: "lmtp", domain };
  const [first] = directory.mailboxes();
  if (name === "postmaster" && first) return ofMailbox(domain, first);
  const { catchAll } = domain.spec;
  return catchAll ? { kind: "expand", domain, to: [catchAll as Address] } : { kind: "unknown", domain };
}

function named(directory: Directory, domain: DomainEntry, local: string): Resolution | undefined {
  const name = `${local}@${domain.domain}`;
  for (const mailbox of directory.mailboxes())
    if (mailbox.mailbox === name || mailbox.aliases.some((alias) => alias === name))
      return ofMailbox(domain, mailbox);
  const alias = domain.spec.aliases.find((entry) => entry.name.toLowerCase() === local);
  return alias && { kind: "expand", domain, to: alias.to as readonly Address[] };
}

function ofMailbox(domain: DomainEntry, mailbox: MailboxEntry): Resolution {
  if (mailbox.forwardTo.length === 0) return { kind: "mailbox", domain, mailbox };
  const keep = mailbox.spec.keepCopy ? { keep: mailbox } : {};
  return { kind: "expand", domain, to: mailbox.forwardTo, ...keep };
}

function domainEntry(name: string, fake: FakeDomain): DomainEntry {
  return {
    namespace: "default",
    name,
    domain: name as Domain,
    policy: (fake.policy ?? "default/default") as PolicyName,
    delivery: fake.delivery ?? { kind: "mailbox" },
    limits: fake.limits ?? {},
    spec: {
      domain: name,
      aliases: Object.entries(fake.aliases ?? {}).map(([alias, to]) => ({ name: alias, to })),
      ...(fake.catchAll ? { catchAll: fake.catchAll } : {}),
      limits: {},
      plusAddressing: { separator: "+" },
      delivery: { mailbox: {} },
      relayPolicyRef: { name: "default" },
    },
  };
}

function mailboxEntry(address: string, fake: FakeMailbox): MailboxEntry {
  return {
    namespace: "default",
    name: address,
    mailbox: mailboxName(address as Address),
    address: address as Address,
    aliases: (fake.aliases ?? []) as readonly Address[],
    quota: fake.quota ?? {},
    forwardTo: (fake.forwardTo ?? []) as readonly Address[],
    ...(fake.passwordHash === undefined ? {} : { passwordHash: fake.passwordHash }),
    spec: {
      address,
      aliases: fake.aliases ?? [],
      forwardTo: fake.forwardTo ?? [],
      keepCopy: fake.keepCopy ?? true,
      suspended: fake.suspended ?? false,
    },
  };
}

function policyEntry(
  name: string,
  { cidrs = [], lineEnds = "Refuse", limits = {} }: FakePolicy,
): PolicyEntry {
  const elsewhere = {
    match: "*",
    route: { kind: "mx" },
    tls: "Opportunistic",
    maxConnections: 20,
    messagesPerConnection: 100,
  } as const;
  const clientLimits = {
    connections: 2000,
    connectionsPerClient: 100,
    messagesPerMinutePerClient: 600,
    messagesPerMinutePerUser: 600,
    messageSize: 50 << 20,
    recipients: 1000,
    ...limits,
  };
  return {
    policy: name as PolicyName,
    limits: clientLimits,
    retry: {
      initialMs: 3e5,
      factor: 2,
      maxMs: 144e5,
      expireAfterMs: 432e6,
      delayNoticeAfterMs: 144e5,
      jitter: 0.1,
    },
    elsewhere,
    exact: new Map(),
    suffixes: new Map(),
    spec: {
      route: { mx: {} },
      acceptFrom: { cidrs, lineEnds },
      limits: clientLimits,
      sites: { maxConnections: 20, messagesPerConnection: 100 },
      destinations: [],
      retry: {
        initial: "5m",
        factor: 2,
        max: "4h",
        expireAfter: "5d",
        delayNoticeAfter: "4h",
        jitterPercent: 10,
      },
      tls: "Opportunistic",
      identity: { sourceAddresses: [] },
      paused: false,
      replicas: 1,
    },
  };
}
