/**
 * One consistent state of the directory: indexes that answer in constant time, however many domains there are.
 */
import { defaultRelayPolicy } from "../../crds/types.ts";
import { type Address, type Domain, domainOf, localPartOf } from "../mail/address.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Directory, DomainEntry, MailboxEntry, PolicyEntry, Resolution } from "./directory.ts";
import type { DomainIndex } from "./domain-index.ts";
import { policyEntry } from "./entry.ts";

const foreign: Resolution = { kind: "foreign" };

export class Snapshot implements Directory {
  readonly revision: number;
  readonly #indexes: ReadonlyMap<Domain, DomainIndex>;
  readonly #policies: ReadonlyMap<PolicyName, PolicyEntry>;
  /** Policies named `default` that nobody declared, made when they are first asked for. */
  readonly #builtIn = new Map<PolicyName, PolicyEntry>();
  readonly #postmaster: Address | undefined;

  constructor(
    revision: number,
    indexes: ReadonlyMap<Domain, DomainIndex>,
    policies: ReadonlyMap<PolicyName, PolicyEntry>,
  ) {
    this.revision = revision;
    this.#indexes = indexes;
    this.#policies = policies;
    let first: DomainEntry | undefined;
    for (const { entry } of indexes.values()) {
      if (!first || pathOf(entry) < pathOf(first)) first = entry;
    }
    this.#postmaster = first && (`postmaster@${first.domain}` as Address);
  }

  domain(domain: Domain): DomainEntry | undefined {
    return this.#indexes.get(domain)?.entry;
  }

  mailbox(name: MailboxName): MailboxEntry | undefined {
    const at = name.lastIndexOf("@");
    return this.#indexes.get(name.slice(at + 1) as Domain)?.mailboxes.get(name.slice(0, at));
  }

  resolve(address: Address): Resolution {
    return this.#indexes.get(domainOf(address))?.resolve(localPartOf(address)) ?? foreign;
  }

  policy(name: PolicyName): PolicyEntry | undefined {
    return this.#policies.get(name) ?? this.#builtIn.get(name) ?? this.#makeBuiltIn(name);
  }

  postmaster(): Address | undefined {
    return this.#postmaster;
  }

  *domains(): Iterable<DomainEntry> {
    for (const { entry } of this.#indexes.values()) yield entry;
  }

  *mailboxes(): Iterable<MailboxEntry> {
    for (const { mailboxes } of this.#indexes.values()) yield* mailboxes.values();
  }

  policies(): Iterable<PolicyEntry> {
    return this.#policies.values();
  }

  #makeBuiltIn(wanted: PolicyName): PolicyEntry | undefined {
    const [namespace = "", name] = wanted.split("/");
    if (name !== "default") return undefined;
    const made = policyEntry({
      kind: "RelayPolicy",
      namespace,
      name,
      spec: defaultRelayPolicy,
      credentials: {},
    });
    this.#builtIn.set(wanted, made);
    return made;
  }
}

const pathOf = ({ namespace, name }: DomainEntry): string => `${namespace}/${name}`;
