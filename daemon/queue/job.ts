/**
 * A job: one message × one destination group, and the whole truth about what is still to be done for it.
 *
 * The last record under a `JobKey` is the job's state; every change replaces it by compare-and-set on its revision.
 * Recipients leave the record as they reach a final outcome; the job is gone when none is left.
 */
import type { Branded } from "../kit/brand.ts";
import type { Domain } from "../mail/address.ts";
import type { BounceClass } from "../mail/bounce/classes.ts";
import type { Origin, Recipient, Sender } from "../mail/envelope.ts";
import type { Remote } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";

/** 26 characters of lower-case Crockford base32: 48 bits of milliseconds, then 80 random bits (sorts by time). */
export type MessageId = Branded<string, "MessageId">;

/** `<shard>.<class>.<namespace>.<policy token>.<partition>.<message>.<group>`; unique, and stable for the life of the job. */
export type JobKey = Branded<string, "JobKey">;

/** `namespace/name` of a RelayPolicy. */
export type PolicyName = Branded<string, "PolicyName">;

/** Who works on it: `local` (mailbox role: domains of ours) or `relay` (relay role: everything else). */
export type JobClass = "local" | "relay";

export type BodyRef =
  /** The octets travel in the job record itself (small messages). */
  | { readonly kind: "inline"; readonly size: number }
  /** The octets rest as `chunks` numbered chunks under `id`, shared by the message's jobs. */
  | {
      readonly kind: "stored";
      readonly id: string;
      readonly chunks: number;
      readonly size: number;
      /** The store keeps it until then at least, ms since the epoch. */
      readonly until?: number;
      /** It is this job's alone. */
      readonly own?: true;
      /** Jobs of several namespaces share it: only who sees all of them knows when it may go. */
      readonly across?: true;
    };

/** One finished attempt, for the record's bounded history (the newest `historyLimit` are kept). */
export interface Attempt {
  /** ms since the epoch */
  readonly at: number;
  readonly remote?: Remote;
  readonly reply: Reply;
  /** What the reply is about; absent in records from before there were classes. */
  readonly bounce?: BounceClass;
}
export const historyLimit = 8;

export interface Job {
  readonly message: MessageId;
  /** Distinguishes the jobs of one message: 0, 1, … */
  readonly group: number;
  readonly class: JobClass;
  readonly policy: PolicyName;
  /** The recipients' domain. The route is looked up at each attempt, so that changed resources take effect. */
  readonly destination: Domain;
  /** When the message was accepted, ms since the epoch. Expiry and delay notices count from here. */
  readonly queuedAt: number;
  readonly sender: Sender;
  readonly origin: Origin;
  readonly body: BodyRef;
  /** Header fields that were known only when the message had come: they go in front of its body wherever it is sent. */
  readonly prepend?: string;
  /** Those without a final outcome yet; never empty. */
  readonly recipients: readonly Recipient[];
  /** Attempts so far. */
  readonly attempts: number;
  /** Not before this, ms since the epoch. */
  readonly nextAttempt: number;
  /** Present while an operator holds the job. */
  readonly held?: { readonly since: number };
  /** An operator's order, carried out by the owner as soon as it sees it, whatever `nextAttempt` says. */
  readonly order?: { readonly kind: "bounce"; readonly reason: string };
  /** An operator wants it tried now, also when the site is in a back-off; the attempt takes it away. */
  readonly urgent?: true;
  /** An operator's next hop instead of the routed one: host and port. */
  readonly reroute?: { readonly host: string; readonly port: number };
  readonly history: readonly Attempt[];
  /** The one delay DSN has been sent. RFC 3461 §4.1, RFC 5321 §4.5.4.1 */
  readonly delayNoticeSent?: true;
  /** Forwarding hops made by us so far (loop protection). */
  readonly hops?: number;
}

/** A job as it lies in the queue: `revision` is what a compare-and-set must name. */
export interface Queued {
  readonly key: JobKey;
  readonly revision: number;
  readonly job: Job;
  /** The octets of an inline body. */
  readonly inline?: Uint8Array;
}
