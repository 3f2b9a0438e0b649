/**
 * Who the client is to us, and so which policy it uses.
 *
 * `stranger`: may send to domains of ours only. `client`: its address is in a RelayPolicy's `acceptFrom`. `user`: it
 * logged in. `formerUser`: it logged in, but the mailbox is suspended or gone since, or its domain is being deleted.
 *
 * The policy of a user is that of the mailbox's domain. The policy of a client is the first one, by namespace and
 * name, whose `acceptFrom` holds its address. Strangers are held to the limits of the policy named `default`: the
 * first such one by namespace.
 */
import type { ClientLimitNumbers, Directory, MailboxEntry, PolicyEntry } from "../directory/directory.ts";
import { type CidrTable, cidrTable } from "../kit/cidr.ts";
import { domainOf } from "../mail/address.ts";
import type { MailboxName } from "../mailbox/store.ts";
import type { PolicyName } from "../queue/job.ts";

interface Terms {
  readonly policy: PolicyName;
  readonly limits: ClientLimitNumbers;
  readonly lineEnds: "Refuse" | "Normalize";
  /** The policy is being deleted. */
  readonly draining: boolean;
}

export type Standing =
  | ({ readonly kind: "stranger" } & Terms)
  | ({ readonly kind: "client" } & Terms)
  | ({ readonly kind: "user"; readonly mailbox: MailboxEntry } & Terms)
  | ({ readonly kind: "formerUser" } & Terms);

/** What `standingOf` needs of one directory revision, worked out once. */
export interface Ranks {
  readonly directory: Directory;
  readonly clients: CidrTable<PolicyEntry>;
  readonly strangers: PolicyEntry;
}

const builtIn = "default/default" as PolicyName;

export function ranksOf(directory: Directory): Ranks {
  const policies = [...directory.policies()]
    .filter(({ draining }) => !draining)
    .sort((a, b) => (a.policy < b.policy ? -1 : 1));
  const strangers = policies.find(({ policy }) => policy.endsWith("/default")) ?? directory.policy(builtIn);
  if (!strangers) throw new Error("the directory has no policy named default");
  const clients = cidrTable(
    policies.flatMap((entry) => entry.spec.acceptFrom.cidrs.map((cidr) => [cidr, entry] as const)),
  );
  return { directory, clients, strangers };
}

/** `user` is a login name that was authenticated on this connection. */
export function standingOf(ranks: Ranks, address: string, user: string | undefined): Standing {
  if (user !== undefined) return userStanding(ranks, user);
  const trusted = ranks.clients.find(address);
  if (trusted) return { kind: "client", ...termsOf(trusted, trusted.policy) };
  // A stranger's line ends are never repaired: that is how smuggled messages are made.
  return { kind: "stranger", ...termsOf(ranks.strangers, ranks.strangers.policy), lineEnds: "Refuse" };
}

function userStanding({ directory, strangers }: Ranks, user: string): Standing {
  const mailbox = directory.mailbox(user as MailboxName);
  if (!mailbox || mailbox.spec.suspended)
    return { kind: "formerUser", ...termsOf(strangers, strangers.policy) };
  const domain = directory.domain(domainOf(mailbox.address));
  if (domain?.draining) return { kind: "formerUser", ...termsOf(strangers, strangers.policy) };
  const policy = domain?.policy ?? strangers.policy;
  // A policy that is named but not declared (yet): its jobs wait for it, meanwhile the default's limits hold.
  return { kind: "user", mailbox, ...termsOf(directory.policy(policy) ?? strangers, policy) };
}

const termsOf = ({ limits, spec, draining }: PolicyEntry, policy: PolicyName): Terms => ({
  policy,
  limits,
  lineEnds: spec.acceptFrom.lineEnds,
  draining: draining === true,
});
