/**
 * Who depends on whom among our resources: keeps the indexes true and wakes those whom a change concerns.
 *
 * In:     changes of MailDomains, Mailboxes, RelayPolicies and Secrets.
 * Out:    who holds a domain or an address, who refers to what; `wake` for each resource that must be looked at again.
 *         What people changed is urgent; what only lists or statuses brought is not.
 */
import { complaintsDomain } from "../../crds/complaints.ts";
import { canonicalAddress, canonicalDomain } from "../../crds/names.ts";
import type { Cache, Change } from "../kube/port.ts";
import { Claims } from "./claims.ts";
import { filterIdsOf } from "./filter-facts.ts";
import { hookKeysOf } from "./hook-facts.ts";
import { outwardOf, sameOutward } from "./outward.ts";
import type { Named } from "./publication.ts";
import { References } from "./references.ts";
import {
  domainsOf,
  isFrozen,
  isLeaving,
  keyOf,
  type Mailbox,
  type MailDomain,
  namespaceOf,
  type RelayPolicy,
  splitKey,
} from "./resources.ts";
import type { Written } from "./written.ts";

export type Subject = "MailDomain" | "Mailbox" | "RelayPolicy" | "Namespace";
export type Urgency = "high" | "low";
export type Wake = (subject: Subject, key: string, urgency: Urgency) => void;

export interface ResourceCaches {
  readonly domains: Cache<MailDomain>;
  readonly mailboxes: Cache<Mailbox>;
  readonly policies: Cache<RelayPolicy>;
}

/** What is written behind a name to tell apart what it is the name of. */
const secret = (namespace: string, name: string) => `Secret/${namespace}/${name}`;
const policy = (namespace: string, name: string) => `RelayPolicy/${namespace}/${name}`;
const domain = (name: string) => `domain/${name}`;

export interface RelationParts {
  readonly caches: ResourceCaches;
  readonly secretsOf: SecretsOf;
  /** The namespace whose pods serve the domains of that one. */
  readonly servedFrom: (namespace: string) => string;
  /** Tells whether all that changed is what we wrote ourselves. */
  readonly written: Pick<Written, "isEcho" | "forget">;
  readonly wake: Wake;
}

export class Relations {
  readonly domains = new Claims();
  readonly addresses = new Claims();
  readonly #references = new References();
  readonly #caches: ResourceCaches;
  #wake: Wake;
  readonly #secretsOf: SecretsOf;
  readonly #servedFrom: (namespace: string) => string;
  readonly #written: Pick<Written, "isEcho" | "forget">;

  constructor({ caches, secretsOf, servedFrom, written, wake }: RelationParts) {
    this.#caches = caches;
    this.#secretsOf = secretsOf;
    this.#servedFrom = servedFrom;
    this.#written = written;
    this.#wake = wake;
  }

  /** Takes what the caches hold, then follows them, until the returned function is called. Call when they are synced. */
  begin(): () => void {
    const { domains, mailboxes, policies } = this.#caches;
    // Whoever looked before all is known would not see an older claim.
    const wake = this.#wake;
    const later: Parameters<Wake>[] = [];
    this.#wake = (...one) => void later.push(one);
    for (const object of domains.list()) this.#domain({ kind: "added", object }, "low");
    for (const object of mailboxes.list()) this.#mailbox({ kind: "added", object }, "low");
    for (const object of policies.list()) this.#policy({ kind: "added", object }, "low");
    this.#wake = wake;
    for (const one of later) wake(...one);
    const ends = [
      domains.onChange((change) => {
        if (!this.#isEcho(change)) this.#domain(change, urgencyOf(change));
      }),
      mailboxes.onChange((change) => {
        if (!this.#isEcho(change)) this.#mailbox(change, urgencyOf(change));
      }),
      policies.onChange((change) => {
        if (!this.#isEcho(change)) this.#policy(change, urgencyOf(change));
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** What our own status or finalizer brought back to us is no news. */
  #isEcho(change: Change): boolean {
    if (change.kind === "removed") this.#written.forget(change.before);
    return change.kind === "changed" && urgencyOf(change) === "low" && this.#written.isEcho(change.object);
  }

  /** The Mailbox that has the address. */
  wakeAddress(address: string): void {
    const holder = this.addresses.holder(address);
    if (holder !== undefined) this.#wake("Mailbox", holder, "low");
  }

  /** Those that stand or fall with one of these MailDomains: daemons know its mailboxes by it. */
  wakeDependents(domains: readonly Named[]): void {
    for (const { kind, namespace, name } of domains) {
      const object = kind === "MailDomain" ? this.#caches.domains.get(namespace, name) : undefined;
      const domainName = object && canonicalDomain(object.spec.domain);
      if (domainName !== undefined) this.#wakeOwners(domain(domainName), "high");
    }
  }

  /** Those whose mail one of these content filters looks at. */
  wakeFiltered(filters: ReadonlySet<string>): void {
    for (const one of this.#caches.domains.list())
      if (!filterIdsOf(one).isDisjointFrom(filters)) this.#wake("MailDomain", keyOf(one), "low");
  }

  /** Those that declare one of these webhooks. */
  wakeHooked(hooks: ReadonlySet<string>): void {
    const { domains, policies } = this.#caches;
    for (const [kind, cache] of [["MailDomain", domains] as const, ["RelayPolicy", policies] as const])
      for (const one of cache.list())
        if (!hookKeysOf(kind, one).isDisjointFrom(hooks)) this.#wake(kind, keyOf(one), "low");
  }

  /** The MailDomain that has the domain, in any namespace. */
  holderOf(domainName: string): MailDomain | undefined {
    const key = this.domains.holder(domainName);
    if (key === undefined) return undefined;
    const { namespace, name } = splitKey(key);
    return this.#caches.domains.get(namespace, name);
  }

  isUsed(namespace: string, policyName: string): boolean {
    return this.#references.isReferred(policy(namespace, policyName));
  }

  secretChanged(namespace: string, name: string | undefined): void {
    if (name !== undefined) return this.#wakeOwners(secret(namespace, name), "high");
    for (const [subject, cache] of this.#all())
      for (const object of cache.list(namespace)) this.#wake(subject, keyOf(object), "low");
    this.#wake("Namespace", namespace, "low");
  }

  *#all(): Iterable<[Subject, Cache]> {
    const { domains, mailboxes, policies } = this.#caches;
    yield ["MailDomain", domains];
    yield ["RelayPolicy", policies];
    yield ["Mailbox", mailboxes];
  }

  #domain(change: Change<MailDomain>, urgency: Urgency): void {
    const object = change.kind === "removed" ? change.before : change.object;
    const key = keyOf(object);
    const name = canonicalDomain(object.spec.domain);
    const { creationTimestamp: created = "" } = object.metadata;
    const others =
      change.kind === "removed" || name === undefined
        ? this.domains.remove(key)
        : this.domains.set({ key, created }, [name]);
    this.#refer("MailDomain", change, [
      policy(namespaceOf(object), object.spec.relayPolicyRef.name),
      ...this.#secretsOf(object).map((one) => secret(namespaceOf(object), one)),
    ]);
    for (const other of others) this.#wake("MailDomain", other, "high");
    if (name !== undefined && isTurn(change)) this.#wakeOwners(domain(name), urgency);
    this.#wake("MailDomain", key, urgency);
    if (change.kind !== "changed" || policyOf(change.before) !== policyOf(object))
      this.#wake("Namespace", namespaceOf(object), urgency);
    // Pods must be let through to it.
    if (leadsElsewhere(change)) this.#wake("Namespace", this.#servedFrom(namespaceOf(object)), urgency);
  }

  #mailbox(change: Change<Mailbox>, urgency: Urgency): void {
    const object = change.kind === "removed" ? change.before : change.object;
    const key = keyOf(object);
    const address = canonicalAddress(object.spec.address);
    const { creationTimestamp: created = "" } = object.metadata;
    const others =
      change.kind === "removed" || address === undefined
        ? this.addresses.remove(key)
        : this.addresses.set({ key, created }, [address]);
    this.#refer("Mailbox", change, [
      ...domainsOf(object).map(domain),
      ...this.#secretsOf(object).map((one) => secret(namespaceOf(object), one)),
    ]);
    for (const other of others) this.#wake("Mailbox", other, "high");
    this.#wake("Mailbox", key, urgency);
    if (change.kind !== "changed") this.#wake("Namespace", namespaceOf(object), urgency);
  }

  #policy(change: Change<RelayPolicy>, urgency: Urgency): void {
    const object = change.kind === "removed" ? change.before : change.object;
    const reports = complaintsDomain(object.spec);
    this.#refer("RelayPolicy", change, [
      ...(reports === undefined ? [] : [domain(reports)]),
      ...this.#secretsOf(object).map((one) => secret(namespaceOf(object), one)),
    ]);
    this.#wake("RelayPolicy", keyOf(object), urgency);
    if (change.kind === "changed" && urgency === "low") return;
    this.#wakeOwners(policy(namespaceOf(object), object.metadata.name), urgency);
    this.#wake("Namespace", namespaceOf(object), urgency);
  }

  #refer(subject: Subject, change: Change, targets: readonly string[]): void {
    const owner = `${subject}/${keyOf(change.kind === "removed" ? change.before : change.object)}`;
    if (change.kind === "removed") this.#references.delete(owner);
    else this.#references.set(owner, targets);
  }

  #wakeOwners(target: string, urgency: Urgency): void {
    for (const owner of this.#references.ownersOf(target)) {
      const at = owner.indexOf("/");
      this.#wake(owner.slice(0, at) as Subject, owner.slice(at + 1), urgency);
    }
  }
}

export interface ChildCaches {
  readonly children: readonly Cache[];
  readonly roleBindings: Cache | undefined;
  readonly namespaces: Cache | undefined;
}

/** Wakes who looks after an object that somebody changed: the resource that owns it, else the namespace. */
export function wakeOwner(change: Change, wake: Wake): void {
  const object = change.kind === "removed" ? change.before : change.object;
  const namespace = namespaceOf(object);
  for (const { kind, name } of object.metadata.ownerReferences ?? [])
    if (kind === "RelayPolicy" || kind === "MailDomain") return wake(kind, `${namespace}/${name}`, "high");
  wake("Namespace", namespace, "high");
}

/** Wakes whose children were changed by somebody. Ends when called. */
export function followChildren(
  { children, roleBindings, namespaces }: ChildCaches,
  wake: Wake,
  wakeAllIn: (namespace: string) => void,
): () => void {
  const onChild = (change: Change) => wakeOwner(change, wake);
  const onNamespace = (change: Change) => {
    const object = change.kind === "removed" ? change.before : change.object;
    const before = change.kind === "added" ? undefined : change.before.metadata.deletionTimestamp;
    if (before === object.metadata.deletionTimestamp && change.kind === "changed") return;
    wake("Namespace", object.metadata.name, "high");
    if (object.metadata.deletionTimestamp !== undefined) wakeAllIn(object.metadata.name);
  };
  const ends = children.map((cache) => cache.onChange(onChild));
  if (roleBindings) ends.push(roleBindings.onChange(onChild));
  if (namespaces) ends.push(namespaces.onChange(onNamespace));
  return () => {
    for (const end of ends) end();
  };
}

/** The Secrets that a resource refers to, by name. */
export type SecretsOf = (object: MailDomain | Mailbox | RelayPolicy) => readonly string[];

/** It comes or goes, or begins to: nothing else of a MailDomain matters to its mailboxes, but whether daemons know it. */
const isTurn = (change: Change): boolean =>
  change.kind !== "changed" ||
  isLeaving(change.before) !== isLeaving(change.object) ||
  isFrozen(change.before) !== isFrozen(change.object);

const policyOf = ({ spec }: MailDomain): string => spec.relayPolicyRef.name;

/** Its daemons have other identity providers or content filters to reach. */
function leadsElsewhere(change: Change<MailDomain>): boolean {
  const before = change.kind === "added" ? {} : change.before.spec;
  const after = change.kind === "removed" ? {} : change.object.spec;
  return !sameOutward(outwardOf([before]), outwardOf([after]));
}

/** Statuses, finalizers and the like are ours, and nothing waits for them. */
function urgencyOf(change: Change): Urgency {
  if (change.kind !== "changed") return "high";
  const [before, after] = [change.before.metadata, change.object.metadata];
  const same =
    before.generation === after.generation &&
    before.uid === after.uid &&
    before.deletionTimestamp === after.deletionTimestamp &&
    sameText(before.annotations, after.annotations);
  return same ? "low" : "high";
}

const sameText = (a: object | undefined, b: object | undefined): boolean =>
  JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});
