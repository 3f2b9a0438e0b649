/**
 * The directory port: which domains, mailboxes and policies exist, as daemons know it. A spec *is* the configuration:
 * entries carry the resources' specs with defaults applied, and secrets resolved (password hashes; sealed at rest).
 *
 * Look-ups are synchronous and from memory; a change swaps in a complete, consistent `Snapshot`. `daemon/nats` keeps
 * the current one true from the JetStream key-value bucket; `snapshot(resources)` builds one from parsed resources.
 */
import type { MailboxSpec, MailDomainSpec, RelayPolicySpec } from "../../crds/types.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";

export interface DomainEntry {
  readonly namespace: string;
  readonly name: string;
  readonly domain: Domain;
  readonly spec: MailDomainSpec;
  /** `relayPolicyRef` in the domain's namespace. */
  readonly policy: PolicyName;
}

export interface MailboxEntry {
  readonly namespace: string;
  readonly name: string;
  readonly mailbox: MailboxName;
  /** As written in the resource. */
  readonly address: Address;
  readonly spec: MailboxSpec;
  /** PHC string `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, or absent: nobody can log in. */
  readonly passwordHash?: string;
}

export interface PolicyEntry {
  readonly policy: PolicyName;
  readonly spec: RelayPolicySpec;
  /** Credentials of the route's smarthost and of destination overrides, by Secret name. */
  readonly credentials: Readonly<Record<string, { readonly username: string; readonly password: string }>>;
}

/** What an address in a domain of ours means, after plus-addressing, aliases and catch-all. */
export type Resolution =
  /** The domain is not ours. */
  | { readonly kind: "foreign" }
  /** The domain is ours, the recipient does not exist. */
  | { readonly kind: "unknown"; readonly domain: DomainEntry }
  | { readonly kind: "mailbox"; readonly domain: DomainEntry; readonly mailbox: MailboxEntry; readonly detail?: string }
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
  policy(name: PolicyName): PolicyEntry | undefined;
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
