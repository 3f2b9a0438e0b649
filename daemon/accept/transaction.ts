/**
 * What MAIL and RCPT have gathered for one message.
 */
import type { DomainEntry } from "../directory/directory.ts";
import { type Address, type Domain, domainOf } from "../mail/address.ts";
import type { Recipient, Sender } from "../mail/envelope.ts";
import type { Expansion } from "./expand.ts";
import { Recipients } from "./jobs.ts";
import type { Meter } from "./rules/rates.ts";
import type { Standing } from "./standing.ts";
import type { Suspicion } from "./strangers/suspicion.ts";

export class Transaction {
  readonly standing: Standing;
  readonly sender: Sender;
  /** `SIZE=`, octets. */
  readonly size: number | undefined;
  readonly recipients = new Recipients();
  /** Octets the message may have: the least that the policy and the recipients' domains allow. */
  limit: number;
  /** Recipients as they were named, accepted ones only. */
  named = 0;
  /** The only one, as long as it is. */
  only: Address | undefined;
  /** Addresses of ours from which the message goes on to other hosts. */
  readonly forwards: Address[] = [];
  /** Domains of ours in which recipients were named. */
  readonly domains = new Set<DomainEntry>();
  /** Of these, the ones with content filters, and who was named there. */
  readonly guarded = new Map<DomainEntry, Address[]>();
  /** Rates that this message counts for. */
  readonly meters: Meter[] = [];
  /** What the recipients' domains found out about the client, for the trace. */
  readonly notes = new Set<string>();
  /** Where mail is filed into Junk for it. */
  readonly junk = new Set<Domain>();
  /** Only domains with a limit of their own are counted. */
  #namedInDomain: Map<Domain, number> | undefined;

  constructor(standing: Standing, sender: Sender, size: number | undefined) {
    this.standing = standing;
    this.sender = sender;
    this.size = size;
    this.limit = standing.limits.messageSize;
  }

  namedInDomain(expansion: Expansion): number {
    if (expansion.kind === "foreign") return 0;
    return this.#namedInDomain?.get(expansion.domain.domain) ?? 0;
  }

  /** A recipient that every rule welcomed. */
  accept(recipient: Recipient, expansion: Expansion): void {
    this.only = this.named === 0 ? recipient.address : undefined;
    this.named++;
    if (expansion.kind === "foreign") this.recipients.addForeign(recipient, this.standing.policy);
    if (expansion.kind !== "targets") return;
    this.domains.add(expansion.domain);
    const via = this.#guard(expansion.domain, recipient.address);
    const { limits, domain } = expansion.domain;
    if (limits.messageSize !== undefined) this.limit = Math.min(this.limit, limits.messageSize);
    if (limits.recipients !== undefined) this.#count(domain);
    let leaves = false;
    for (const target of expansion.targets) {
      leaves ||= target.kind === "remote";
      this.recipients.add(target, recipient, via);
    }
    if (leaves) this.forwards.push(recipient.address);
  }

  /** One message counts once on a meter, however many recipients lead to it. */
  meter(meters: readonly Meter[]): void {
    for (const meter of meters)
      if (!this.meters.some(({ key }) => key === meter.key)) this.meters.push(meter);
  }

  /** What a recipient's domain thinks of the client. */
  suspect({ action, notes }: Pick<Suspicion, "action" | "notes">, expansion: Expansion): void {
    for (const note of notes) this.notes.add(note);
    if (action !== "Junk" || expansion.kind !== "targets") return;
    for (const { address } of expansion.targets) this.junk.add(domainOf(address));
  }

  /** The domain, where it has filters. */
  #guard(entry: DomainEntry, address: Address): Domain | undefined {
    if (entry.filters.inbound.length === 0) return undefined;
    const named = this.guarded.get(entry);
    if (named) named.push(address);
    else this.guarded.set(entry, [address]);
    return entry.domain;
  }

  #count(domain: Domain): void {
    this.#namedInDomain ??= new Map();
    this.#namedInDomain.set(domain, (this.#namedInDomain.get(domain) ?? 0) + 1);
  }
}
