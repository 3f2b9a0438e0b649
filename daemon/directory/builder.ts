/**
 * Keeps what is declared and builds directories from it, so that a change costs the domains it touches and not all.
 *
 * In:     `set` and `remove`, in any order: a mailbox may come before its domain.
 * Out:    `build(revision)`: an immutable directory. Directories share what did not change.
 * Fails:  `set` says `false` when the resource has no valid domain or address; it is left out then.
 * Order:  where two resources claim the same thing, the first by namespace and name has it, whatever order they came in.
 */
import { type Domain, domainOf } from "../mail/address.ts";
import type { PolicyName } from "../queue/job.ts";
import { type Declared, type DeclaredKey, declaredKey } from "./declared.ts";
import type { Directory, DomainEntry, MailboxEntry, PolicyEntry } from "./directory.ts";
import { DomainIndex } from "./domain-index.ts";
import { domainEntry, mailboxEntry, policyEntry, policyName } from "./entry.ts";
import { Snapshot } from "./snapshot.ts";

type Entry =
  | { readonly kind: "MailDomain"; readonly entry: DomainEntry; readonly domains: readonly Domain[] }
  | { readonly kind: "Mailbox"; readonly entry: MailboxEntry; readonly domains: readonly Domain[] }
  | { readonly kind: "RelayPolicy"; readonly entry: PolicyEntry; readonly domains: readonly Domain[] };

/** Everything that names a domain. */
class Claims {
  readonly domains = new Map<DeclaredKey, DomainEntry>();
  readonly mailboxes = new Map<DeclaredKey, MailboxEntry>();

  get isEmpty(): boolean {
    return this.domains.size === 0 && this.mailboxes.size === 0;
  }
}

export class DirectoryBuilder {
  readonly #entries = new Map<DeclaredKey, Entry>();
  readonly #claims = new Map<Domain, Claims>();
  readonly #policies = new Map<PolicyName, PolicyEntry>();
  #indexes: ReadonlyMap<Domain, DomainIndex> = new Map();
  readonly #dirty = new Set<Domain>();

  set(declared: Declared): boolean {
    const key = declaredKey(declared);
    this.remove(key);
    const made = entryOf(declared);
    if (made === undefined) return false;
    this.#entries.set(key, made);
    if (made.kind === "RelayPolicy") this.#policies.set(made.entry.policy, made.entry);
    for (const domain of made.domains) {
      const claims = this.#claims.get(domain) ?? new Claims();
      this.#claims.set(domain, claims);
      if (made.kind === "MailDomain") claims.domains.set(key, made.entry);
      if (made.kind === "Mailbox") claims.mailboxes.set(key, made.entry);
      this.#dirty.add(domain);
    }
    return true;
  }

  remove(key: DeclaredKey): void {
    const gone = this.#entries.get(key);
    if (!gone) return;
    this.#entries.delete(key);
    if (gone.kind === "RelayPolicy") this.#policies.delete(gone.entry.policy);
    for (const domain of gone.domains) {
      const claims = this.#claims.get(domain);
      claims?.domains.delete(key);
      claims?.mailboxes.delete(key);
      if (claims?.isEmpty) this.#claims.delete(domain);
      this.#dirty.add(domain);
    }
  }

  keys(): Iterable<DeclaredKey> {
    return this.#entries.keys();
  }

  build(revision: number): Directory {
    if (this.#dirty.size > 0) {
      const indexes = new Map(this.#indexes);
      for (const domain of this.#dirty) {
        const index = this.#indexOf(domain);
        if (index) indexes.set(domain, index);
        else indexes.delete(domain);
      }
      this.#indexes = indexes;
      this.#dirty.clear();
    }
    return new Snapshot(revision, this.#indexes, new Map(this.#policies));
  }

  #indexOf(domain: Domain): DomainIndex | undefined {
    const claims = this.#claims.get(domain);
    if (!claims) return undefined;
    let entry: DomainEntry | undefined;
    for (const claim of claims.domains.values()) if (!entry || isBefore(claim, entry)) entry = claim;
    if (!entry) return undefined;
    const { namespace } = entry;
    const mailboxes = [...claims.mailboxes.values()].filter((mailbox) => mailbox.namespace === namespace);
    const index = new DomainIndex(entry, mailboxes);
    return index.contested
      ? new DomainIndex(
          entry,
          mailboxes.sort((a, b) => (isBefore(a, b) ? -1 : 1)),
        )
      : index;
  }
}

/** Builds one directory from everything there is. */
export function snapshot(declared: Iterable<Declared>, revision = 1): Directory {
  const builder = new DirectoryBuilder();
  for (const one of declared) builder.set(one);
  return builder.build(revision);
}

function entryOf(declared: Declared): Entry | undefined {
  switch (declared.kind) {
    case "MailDomain": {
      const entry = domainEntry(declared);
      return entry && { kind: declared.kind, entry, domains: [entry.domain] };
    }
    case "Mailbox": {
      const entry = mailboxEntry(declared);
      const domains = entry && new Set([entry.address, ...entry.aliases].map(domainOf));
      return entry && { kind: declared.kind, entry, domains: [...(domains ?? [])] };
    }
    case "RelayPolicy":
      return { kind: declared.kind, entry: policyEntry(declared), domains: [] };
  }
}

type Named = { readonly namespace: string; readonly name: string };
const isBefore = (a: Named, b: Named): boolean =>
  policyName(a.namespace, a.name) < policyName(b.namespace, b.name);
