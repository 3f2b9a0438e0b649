/**
 * All that one domain of ours knows about its names, ready to be asked once per RCPT.
 *
 * In:     the domain's entry and the mailboxes of its namespace that have an address or an alias in it.
 * Out:    `resolve(local)`: one look-up for a known name, a second one for a name with a detail; answers are shared
 *         objects, nothing is made per question.
 * Spec:   RFC 5321 §4.5.1 (postmaster), RFC 5233 (subaddress, "detail").
 */
import { type Address, domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import type { DomainEntry, MailboxEntry, Resolution } from "./directory.ts";
import { addresses } from "./entry.ts";

export class DomainIndex {
  readonly entry: DomainEntry;
  /** By local part in lower case; for log-ins also where mail goes elsewhere. */
  readonly mailboxes = new Map<string, MailboxEntry>();
  readonly #names = new Map<string, Resolution>();
  /** Answers for names that do not exist. */
  readonly #others: Resolution;
  readonly #postmaster: Resolution;
  #contested = false;

  /** Where two mailboxes claim one name, the one that comes first in `mailboxes` has it. */
  constructor(entry: DomainEntry, mailboxes: Iterable<MailboxEntry>) {
    this.entry = entry;
    let first: MailboxEntry | undefined;
    for (const mailbox of mailboxes) {
      const own = this.#addMailbox(mailbox);
      if (own && (!first || mailbox.name < first.name)) first = mailbox;
    }
    for (const { name, to } of entry.spec.aliases)
      this.#addName(name.toLowerCase(), this.#expand(addresses(to)));
    this.#others = this.#answerForOthers();
    const named = first ? this.#answerFor(first) : this.#firstNamed();
    this.#postmaster = this.#others.kind === "unknown" && named ? named : this.#others;
  }

  /** Two claimed one name, so that the order of the mailboxes mattered. */
  get contested(): boolean {
    return this.#contested;
  }

  /** `local` as written. */
  resolve(local: string): Resolution {
    const name = local.toLowerCase();
    const exact = this.#names.get(name);
    if (exact) return exact;
    const { separator } = this.entry.spec.plusAddressing;
    const at = separator === "" ? -1 : name.indexOf(separator);
    if (at < 1) return name === "postmaster" ? this.#postmaster : this.#others;
    const base = name.slice(0, at);
    const found = this.#names.get(base) ?? (base === "postmaster" ? this.#postmaster : this.#others);
    return found.kind === "mailbox" ? { ...found, detail: local.slice(at + 1) } : found;
  }

  /** True when the mailbox's own address is in this domain. */
  #addMailbox(mailbox: MailboxEntry): boolean {
    const { domain, delivery } = this.entry;
    const own = domainOf(mailbox.address) === domain;
    const answer = delivery.kind === "mailbox" ? this.#answerFor(mailbox) : undefined;
    for (const address of own ? [mailbox.address, ...mailbox.aliases] : mailbox.aliases) {
      if (domainOf(address) !== domain) continue;
      const local = localPartOf(address).toLowerCase();
      if (address === mailbox.address && !this.mailboxes.has(local)) this.mailboxes.set(local, mailbox);
      if (answer) this.#addName(local, answer);
    }
    return own;
  }

  /** By name, so that it does not matter in which order they came. */
  #firstNamed(): Resolution | undefined {
    let first: string | undefined;
    for (const name of this.#names.keys()) if (first === undefined || name < first) first = name;
    return first === undefined ? undefined : this.#names.get(first);
  }

  #addName(local: string, answer: Resolution): void {
    if (this.#names.has(local)) this.#contested = true;
    else this.#names.set(local, answer);
  }

  #answerFor(mailbox: MailboxEntry): Resolution {
    const { spec, forwardTo } = mailbox;
    // A suspended mailbox passes nothing on either: whoever asks sees that it is suspended.
    if (forwardTo.length === 0 || spec.suspended) return { kind: "mailbox", domain: this.entry, mailbox };
    return { ...this.#expand(forwardTo), ...(spec.keepCopy ? { keep: mailbox } : {}) };
  }

  #expand(to: readonly Address[]): Extract<Resolution, { kind: "expand" }> {
    return { kind: "expand", domain: this.entry, to };
  }

  #answerForOthers(): Resolution {
    const { delivery, spec } = this.entry;
    if (delivery.kind === "lmtp") return { kind: "lmtp", domain: this.entry };
    if (delivery.kind === "forward") return this.#expand(delivery.to);
    const all = spec.catchAll === undefined ? undefined : parseAddress(spec.catchAll);
    return all === undefined ? { kind: "unknown", domain: this.entry } : this.#expand([all]);
  }
}
