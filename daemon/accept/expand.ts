/**
 * Where a recipient's mail finally goes: aliases, catch-alls and forwarding mailboxes followed to their ends.
 *
 * In:     an address as RCPT (or a DSN of ours) names it, and the directory.
 * Out:    final targets in order, each once: a mailbox here, an LMTP domain of ours, or an address elsewhere.
 * Fails:  `unknown`, `loop` (nothing is reached but the way itself), `tooMany`. A dead end among several targets is
 *         passed over: the mail reaches those that exist, and `postfleet check` tells the owner.
 * Spec:   RFC 5321 §3.9.1 (aliases), §6.3 (loops).
 */
import type { Directory, DomainEntry, MailboxEntry, Resolution } from "../directory/directory.ts";
import { type Address, domainOf, localPartOf } from "../mail/address.ts";
import type { PolicyName } from "../queue/job.ts";

export type Target =
  | {
      readonly kind: "mailbox";
      /** Its own address, or what was written when that is its own address in other case or with a detail. */
      readonly address: Address;
      /** The domain of that address. */
      readonly domain: DomainEntry;
      readonly mailbox: MailboxEntry;
    }
  | { readonly kind: "lmtp"; readonly address: Address; readonly domain: DomainEntry }
  /** Reached from a domain of ours: its policy sends. */
  | { readonly kind: "remote"; readonly address: Address; readonly policy: PolicyName };

export type Expansion =
  /** Not ours: whether it may be relayed is the caller's question. */
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown"; readonly domain: DomainEntry }
  | { readonly kind: "loop"; readonly domain: DomainEntry }
  | { readonly kind: "tooMany"; readonly domain: DomainEntry }
  | {
      readonly kind: "targets";
      readonly domain: DomainEntry;
      readonly targets: readonly Target[];
      /** False when the recipient itself is the one target. */
      readonly expanded: boolean;
    };

/** Steps from an alias to a target that are followed; more is taken for a loop. */
export const maxDepth = 10;
/** Targets of one recipient; a list of this size wants a list manager. */
export const maxTargets = 1000;

export function expand(directory: Directory, address: Address): Expansion {
  const first = resolve(directory, address);
  switch (first.kind) {
    case "foreign":
    case "unknown":
      return first;
    case "mailbox":
    case "lmtp":
      return {
        kind: "targets",
        domain: first.domain,
        targets: [endOf(directory, first, address)],
        expanded: false,
      };
    case "expand":
      return follow(directory, address, first);
  }
}

/** Somebody reads every postmaster's mail, also where a domain has nobody of its own. RFC 5321 §4.5.1 */
function resolve(directory: Directory, address: Address): Resolution {
  const found = directory.resolve(address);
  if (found.kind !== "unknown" || localPartOf(address).toLowerCase() !== "postmaster") return found;
  const postmaster = directory.postmaster();
  return postmaster === undefined ? found : directory.resolve(postmaster);
}

interface Walk {
  readonly directory: Directory;
  readonly targets: Target[];
  readonly reached: Set<string>;
  looped: boolean;
}

type Expand = Extract<Resolution, { kind: "expand" }>;
type End = Extract<Resolution, { kind: "mailbox" | "lmtp" }>;

function follow(directory: Directory, address: Address, first: Expand): Expansion {
  const walk: Walk = { directory, targets: [], reached: new Set([folded(address)]), looped: false };
  step(walk, address, first, 1);
  const { domain } = first;
  if (walk.targets.length > maxTargets) return { kind: "tooMany", domain };
  if (walk.targets.length > 0) return { kind: "targets", domain, targets: walk.targets, expanded: true };
  return { kind: walk.looped ? "loop" : "unknown", domain };
}

function step(walk: Walk, from: Address, { domain, to, keep }: Expand, depth: number): void {
  if (keep) add(walk, endOf(walk.directory, { kind: "mailbox", domain, mailbox: keep }, from));
  for (const address of to) {
    if (walk.targets.length > maxTargets) return;
    const next = walk.directory.resolve(address);
    if (next.kind === "unknown") continue;
    if (next.kind === "foreign") add(walk, { kind: "remote", address, policy: domain.policy });
    else if (next.kind === "expand") descend(walk, address, next, depth);
    else add(walk, endOf(walk.directory, next, address));
  }
}

function descend(walk: Walk, address: Address, next: Expand, depth: number): void {
  const name = folded(address);
  // Already on the way, or already followed by another branch: either way it adds nothing.
  if (walk.reached.has(name) || depth >= maxDepth) {
    walk.looped = true;
    return;
  }
  walk.reached.add(name);
  step(walk, address, next, depth + 1);
}

function add(walk: Walk, target: Target): void {
  const id = targetId(target);
  if (walk.reached.has(id)) return;
  walk.reached.add(id);
  walk.targets.push(target);
}

function endOf(directory: Directory, end: End, written: Address): Target {
  if (end.kind === "lmtp") return { kind: "lmtp", address: written, domain: end.domain };
  const { mailbox } = end;
  if (namesItself(written, mailbox))
    return { kind: "mailbox", address: written, domain: end.domain, mailbox };
  // Reached by another name: from here on its own counts, even if that name is taken away before the delivery.
  const domain = directory.domain(domainOf(mailbox.address)) ?? end.domain;
  return { kind: "mailbox", address: mailbox.address, domain, mailbox };
}

/** `Alice@…` and `alice+detail@…` name `alice@…`: the directory found the mailbox, so what follows is the detail. */
function namesItself(written: Address, { mailbox, address }: MailboxEntry): boolean {
  const name = folded(written);
  if (name === mailbox) return true;
  const own = localPartOf(address).toLowerCase();
  return (
    domainOf(written) === domainOf(address) &&
    name.startsWith(own) &&
    !/[a-z0-9"]/.test(name.charAt(own.length))
  );
}

/**
 * The same for two targets exactly when one delivery serves both: a mailbox by its name (whatever detail or alias led
 * to it); elsewhere local parts may differ by case. RFC 5321 §2.4
 */
export function targetId(target: Target): string {
  return target.kind === "mailbox" ? `mailbox:${target.mailbox.mailbox}` : `address:${target.address}`;
}

/** In domains of ours, upper and lower case are one; a `Domain` is lower-case already. */
const folded = (address: Address): string => address.toLowerCase();
