/**
 * From recipients to jobs: one job per class, policy and destination, all of one message together.
 *
 * Mailboxes of ours make `local` jobs (the mailbox role files them). Everything that leaves over a socket makes
 * `relay` jobs: other domains, and domains of ours whose mail goes to an LMTP server.
 *
 * In:     targets of `expand` with the recipient's DSN wishes, facts of the message.
 * Out:    jobs with group numbers 0, 1, …; every recipient is in exactly one of them.
 * Fails:  never.
 * Spec:   RFC 3461 §5.2.7 (DSN parameters of aliases).
 */
import type { Directory } from "../directory/directory.ts";
import { isAscii } from "../kit/ascii.ts";
import { type Address, type Domain, domainOf } from "../mail/address.ts";
import type { Notify, Origin, Recipient, Sender } from "../mail/envelope.ts";
import type { Reply } from "../mail/reply.ts";
import type { JobClass, MessageId, PolicyName } from "../queue/job.ts";
import type { NewJob } from "../queue/queue.ts";
import { type Expansion, expand, type Target, targetId } from "./expand.ts";
import { replies } from "./replies.ts";

/** A recipient with its place: what a job is made of. */
export interface Placed {
  readonly recipient: Recipient;
  readonly class: JobClass;
  readonly policy: PolicyName;
  readonly destination: Domain;
  /** The domain in which it was named, where that has content filters. */
  readonly via?: Domain;
  /** Fields of these recipients alone, instead of the message's. */
  readonly prepend?: string;
}

export interface MessageFacts {
  readonly message: MessageId;
  readonly queuedAt: number;
  readonly sender: Sender;
  readonly origin: Origin;
  readonly hops?: number;
  readonly prepend?: string;
}

/** Recipients in one job: as many as go into one transaction with most next hops. RFC 5321 §4.5.3.1.8 */
const recipientsPerJob = 100;

/** Jobs for a message's placed recipients, in order of appearance. */
export function jobsOf(facts: MessageFacts, placed: readonly Placed[], perJob = recipientsPerJob): NewJob[] {
  const [first] = placed;
  if (first && placed.length === 1) return [newJob(facts, 0, first, [first.recipient])];
  const groups: { readonly place: Placed; readonly recipients: Recipient[] }[] = [];
  const open = new Map<string, Recipient[]>();
  for (const place of placed) {
    const id = `${place.class} ${place.policy} ${place.destination} ${place.prepend ?? ""}`;
    let recipients = open.get(id);
    if (!recipients || recipients.length >= perJob) {
      recipients = [];
      open.set(id, recipients);
      groups.push({ place, recipients });
    }
    recipients.push(place.recipient);
  }
  return groups.map(({ place, recipients }, group) => newJob(facts, group, place, recipients));
}

/** A job for one recipient. */
export function newJob(
  facts: MessageFacts,
  group: number,
  place: Placed,
  recipients: readonly Recipient[],
): NewJob {
  const prepend = place.prepend ?? facts.prepend;
  return {
    message: facts.message,
    group,
    class: place.class,
    policy: place.policy,
    destination: place.destination,
    queuedAt: facts.queuedAt,
    sender: facts.sender,
    origin: facts.origin,
    recipients,
    attempts: 0,
    nextAttempt: facts.queuedAt,
    history: [],
    ...(facts.hops === undefined ? {} : { hops: facts.hops }),
    ...(prepend === undefined ? {} : { prepend }),
  };
}

/** A message's final recipients, each once however often it is named or reached. */
export class Recipients {
  readonly #placed: Placed[] = [];
  /** Index in `#placed` by target; made with the second target. */
  #index: Map<string, number> | undefined;
  #firstId = "";

  get placed(): readonly Placed[] {
    return this.#placed;
  }

  /** A target of ours or behind ours, for a recipient of the envelope. */
  add(target: Target, named: Recipient, via?: Domain): void {
    const place = placeOf(target, named);
    this.#put(targetId(target), via === undefined ? place : { ...place, via });
  }

  /** A recipient elsewhere, that the client may send to under `policy`. */
  addForeign(recipient: Recipient, policy: PolicyName): void {
    const destination = domainOf(recipient.address);
    this.#put(`address:${recipient.address}`, { recipient, class: "relay", policy, destination });
  }

  #put(id: string, place: Placed): void {
    if (this.#placed.length === 0) this.#firstId = id;
    else {
      this.#index ??= new Map([[this.#firstId, 0]]);
      const at = this.#index.get(id);
      const known = at === undefined ? undefined : this.#placed[at];
      if (at !== undefined && known) {
        const via = known.via ?? place.via;
        const recipient = merged(known.recipient, place.recipient);
        this.#placed[at] = { ...known, recipient, ...(via === undefined ? {} : { via }) };
        return;
      }
      this.#index.set(id, this.#placed.length);
    }
    this.#placed.push(place);
  }
}

function placeOf(target: Target, named: Recipient): Placed {
  return {
    recipient: readdressed(named, target.address),
    class: target.kind === "mailbox" ? "local" : "relay",
    policy: target.kind === "remote" ? target.policy : target.domain.policy,
    destination: domainOf(target.address),
  };
}

/**
 * An alias passes the DSN wishes on, and names itself as the original recipient where nobody did.
 * Each of several targets reports for itself. RFC 3461 §5.2.7.2, §5.2.7.3; RFC 6533 §3 (`utf-8`)
 */
function readdressed(named: Recipient, address: Address): Recipient {
  if (named.address === address) return named;
  const orcpt = named.orcpt ?? { type: isAscii(named.address) ? "rfc822" : "utf-8", address: named.address };
  return { address, orcpt, ...(named.notify === undefined ? {} : { notify: named.notify }) };
}

/** One delivery for two namings: whatever either asked to hear is told. */
function merged(a: Recipient, b: Recipient): Recipient {
  if (a.notify === b.notify) return a;
  const wishes = new Set([...wishesOf(a.notify), ...wishesOf(b.notify)]);
  return { ...a, notify: wishes.size === 0 ? "never" : [...wishes] };
}

/** RFC 3461 §4.1: without NOTIFY, failure and (as is usual) delay. */
const wishesOf = (notify: Notify | undefined) =>
  notify === undefined ? (["failure", "delay"] as const) : notify === "never" ? [] : notify;

export interface OwnMessage extends MessageFacts {
  readonly recipients: readonly Recipient[];
  /** Sends to domains that are not ours: the policy of the job that gave rise to this message. */
  readonly policy: PolicyName;
}

export interface OwnJobs {
  /** Empty when no recipient can be reached. */
  readonly jobs: readonly NewJob[];
  /** Recipients that have no job, with the reason. */
  readonly refused: readonly { readonly recipient: Recipient; readonly reply: Reply }[];
}

/** Jobs for a message that we make ourselves (a DSN, a forward): no client to refuse it to, so refusals are returned. */
export function jobsFor(directory: Directory, own: OwnMessage, perJob = recipientsPerJob): OwnJobs {
  const recipients = new Recipients();
  const refused: { recipient: Recipient; reply: Reply }[] = [];
  for (const recipient of own.recipients) {
    const expansion = expand(directory, recipient.address);
    if (expansion.kind === "foreign") recipients.addForeign(recipient, own.policy);
    else if (expansion.kind !== "targets") refused.push({ recipient, reply: refusalOf(expansion) });
    else for (const target of expansion.targets) recipients.add(target, recipient);
  }
  return { jobs: recipients.placed.length === 0 ? [] : jobsOf(own, recipients.placed, perJob), refused };
}

/** The words for an address of ours that leads nowhere. */
export function refusalOf({ kind }: Extract<Expansion, { kind: "unknown" | "loop" | "tooMany" }>): Reply {
  switch (kind) {
    case "unknown":
      return replies.unknownRecipient;
    case "loop":
      return replies.aliasLoop;
    case "tooMany":
      return replies.aliasTooLarge;
  }
}
