/**
 * The suppression list: addresses elsewhere that get nothing more for a while. Each namespace has its own.
 *
 * The port beside its users; `daemon/nats/suppression.ts` keeps it in JetStream, and follows it in memory.
 */
import { createHash } from "node:crypto";
import { type Address, domainOf, localPartOf } from "../../mail/address.ts";
import type { BounceClass } from "../../mail/bounce/classes.ts";
import type { MessageId } from "../../queue/job.ts";

/** Why an address is on the list: refusals, a complaint, or somebody of ours. */
export type SuppressedBy = "bounce" | "complaint" | "operator";

/** What is remembered of every address. */
export interface Suppressed {
  readonly by: SuppressedBy;
  /** What refusals were about. */
  readonly bounce?: BounceClass;
  /** ms since the epoch */
  readonly at: number;
  readonly until: number;
  /** Refusals so far, as long as they are too few: then mail still goes there. */
  readonly watched?: number;
}

/** An entry as it is written down, for people. */
export interface SuppressionRecord extends Suppressed {
  readonly address: Address;
  /** The reply, the kind of complaint, or an operator's words. */
  readonly text: string;
  /** The message that it was about. */
  readonly message?: MessageId;
}

export interface SuppressionList {
  /** From memory; also what is only watched. */
  find(namespace: string, address: Address): Suppressed | undefined;
  /** In the background: what cannot be written is told in the log, and the next refusal says it again. */
  put(namespace: string, record: SuppressionRecord): void;
  remove(namespace: string, address: Address): void;
}

/**
 * Names an address in a subject. Upper and lower case are one: no provider to speak of tells them apart, and whoever
 * complained means his mailbox.
 */
export const addressToken = (address: Address): string =>
  createHash("sha256").update(folded(address)).digest("base64url").slice(0, 22);

const folded = (address: Address): string => `${localPartOf(address).toLowerCase()}@${domainOf(address)}`;
