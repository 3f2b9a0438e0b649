/**
 * The directory port: which domains, mailboxes and policies exist, as daemons know it. A spec *is* the configuration:
 * entries carry the resources' specs with defaults applied, secrets resolved (password hashes; sealed at rest), and what a
 * message would have to parse (sizes, durations, addresses) parsed once.
 *
 * Look-ups are synchronous and from memory; a change swaps in a complete, consistent `Snapshot`. `daemon/nats` keeps
 * the current one true from the JetStream key-value bucket; `snapshot(resources)` builds one from parsed resources.
 */
import type {
  AppPassword,
  ClientLimits,
  DomainLimits,
  Lmtp,
  MailboxSpec,
  MailDomainSpec,
  RelayPolicySpec,
  Smarthost,
} from "../../crds/types.ts";
import type { ScramVerifier } from "../kit/scram-verifier.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { BounceClass } from "../mail/bounce/classes.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";
import type { RetryNumbers } from "../queue/retry.ts";
import type { FilterEntry } from "./filters.ts";
import type { HookEntry } from "./hooks.ts";
import type { Protection } from "./protection.ts";

export type { RetryNumbers };

/** Where mail for a domain of ours goes. */
export type DomainDelivery =
  | { readonly kind: "mailbox" }
  | ({ readonly kind: "lmtp" } & Lmtp)
  | { readonly kind: "forward"; readonly to: readonly Address[] };

export interface DkimSecret {
  readonly selector: string;
  /** PEM */
  readonly privateKey: string;
}

/** PEM; `cert` with its chain. */
export interface TlsSecret {
  readonly cert: string;
  readonly key: string;
}

/** Who sends reports to others. */
export interface ReportSender {
  readonly from: Address;
  readonly organization: string;
  /** By which they leave. */
  readonly policy: PolicyName;
}

export interface DomainEntry {
  readonly namespace: string;
  readonly name: string;
  readonly domain: Domain;
  readonly spec: MailDomainSpec;
  /** `relayPolicyRef` in the domain's namespace. */
  readonly policy: PolicyName;
  readonly delivery: DomainDelivery;
  /** Absent: no limit but those of the policy. `messageSize` in octets. */
  readonly limits: Omit<DomainLimits, "messageSize"> & { readonly messageSize?: number };
  readonly protection: Protection;
  /** The oldest first. */
  readonly dkim: readonly DkimSecret[];
  readonly tls?: TlsSecret;
  /** Present where DMARC reports are sent. */
  readonly dmarcReports?: ReportSender;
  /** Of strangers' mail to the domain, and of what its users send. */
  readonly filters: { readonly inbound: readonly FilterEntry[]; readonly outbound: readonly FilterEntry[] };
  /** Who is told of its events. */
  readonly hooks: readonly HookEntry[];
  /** It is being deleted: what is queued is delivered, nothing new is accepted. */
  readonly draining?: true;
}

export interface MailboxEntry {
  readonly namespace: string;
  readonly name: string;
  readonly mailbox: MailboxName;
  /** As written in the resource, domain in A-label form. */
  readonly address: Address;
  /** Further addresses of this mailbox, local parts in lower case. */
  readonly aliases: readonly Address[];
  readonly spec: MailboxSpec;
  readonly quota: Quota;
  readonly forwardTo: readonly Address[];
  /** PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, or absent: nobody can log in. */
  readonly passwordHash?: string;
  /** For SCRAM-SHA-256; absent where the password was never known in plain text. */
  readonly scram?: ScramVerifier;
  readonly appPasswords: readonly AppPasswordEntry[];
}

/** What an app password opens. */
export type Scope = AppPassword["scopes"][number];

export interface AppPasswordEntry {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly hash: string;
  readonly scram?: ScramVerifier;
}

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** A next hop that is told instead of looked up. */
export interface SmarthostEntry {
  readonly kind: "smarthost";
  readonly host: string;
  readonly port: number;
  readonly tls: Smarthost["tls"];
  /** Absent: no login is wanted. `missing`: one is wanted, but its Secret is not there; defer. */
  readonly auth?: Credential | "missing";
}

export type RouteEntry = { readonly kind: "mx" } | SmarthostEntry;

/** What holds towards the sites of one destination: a `destinations[]` entry over the policy's own values. */
export interface DestinationEntry {
  /** As written; `*` for what no entry matches. */
  readonly match: string;
  readonly route: RouteEntry;
  /** Toward MX hosts; a smarthost has its own. */
  readonly tls: RelayPolicySpec["tls"];
  readonly maxConnections: number;
  readonly messagesPerConnection: number;
  /** Absent: unlimited. */
  readonly ratePerMinute?: number;
}

export interface ClientLimitNumbers extends ClientLimits {
  /** Octets. */
  readonly messageSize: number;
}

/** What puts addresses onto the namespace's suppression list. */
export interface SuppressionRules {
  readonly hardBounces?: {
    readonly after: number;
    readonly forMs: number;
    readonly classes: ReadonlySet<BounceClass>;
  };
  readonly complaints?: { readonly address: Address; readonly forMs: number };
}

export interface PolicyEntry {
  readonly policy: PolicyName;
  readonly spec: RelayPolicySpec;
  readonly limits: ClientLimitNumbers;
  readonly retry: RetryNumbers;
  readonly suppression: SuppressionRules;
  /** For destinations that no entry matches; `destinationFor(policy, domain)` finds the right one. */
  readonly elsewhere: DestinationEntry;
  readonly exact: ReadonlyMap<Domain, DestinationEntry>;
  /** By suffix without `*.`. */
  readonly suffixes: ReadonlyMap<Domain, DestinationEntry>;
  /** Present where reports on TLS are sent. */
  readonly tlsReports?: ReportSender;
  /** Who is told of the events of what leaves by it. */
  readonly hooks: readonly HookEntry[];
  /** It is being deleted: what is queued is sent, nothing new is accepted. */
  readonly draining?: true;
}

/** What an address in a domain of ours means, after plus-addressing, aliases and catch-all. */
export type Resolution =
  /** The domain is not ours. */
  | { readonly kind: "foreign" }
  /** The domain is ours, the recipient does not exist. */
  | { readonly kind: "unknown"; readonly domain: DomainEntry }
  | {
      readonly kind: "mailbox";
      readonly domain: DomainEntry;
      readonly mailbox: MailboxEntry;
      readonly detail?: string;
    }
  /** The domain's own server decides, by LMTP: any name is accepted here. */
  | { readonly kind: "lmtp"; readonly domain: DomainEntry }
  /** An alias, a catch-all or a forwarding mailbox; targets may be ours or foreign. */
  | {
      readonly kind: "expand";
      readonly domain: DomainEntry;
      readonly to: readonly Address[];
      /** The mailbox that also keeps a copy. */
      readonly keep?: MailboxEntry;
    };

export interface Directory {
  /** Rises with every change. */
  readonly revision: number;
  domain(domain: Domain): DomainEntry | undefined;
  mailbox(name: MailboxName): MailboxEntry | undefined;
  /** Follows one step; `postmaster` resolves in every domain of ours, to the first mailbox if nothing else is said. */
  resolve(address: Address): Resolution;
  /** A policy named `default` always exists: where none is declared, with every default of its resource. */
  policy(name: PolicyName): PolicyEntry | undefined;
  /** Whom `<postmaster>` without a domain means: the postmaster of the first domain. `undefined`: we have no domain. */
  postmaster(): Address | undefined;
  domains(): Iterable<DomainEntry>;
  mailboxes(): Iterable<MailboxEntry>;
  policies(): Iterable<PolicyEntry>;
}

/** A directory that changes under its reader: take `current()` once per decision. */
export interface LiveDirectory {
  current(): Directory;
  /** Calls after each change; returns what ends it. */
  onChange(listener: (directory: Directory) => void): () => void;
}
