/**
 * How an attempt ended for one recipient. Every attempt ends in one of three ways, and `queue/settle` is the only
 * place that acts on them.
 */
import type { Address } from "./address.ts";
import type { BounceClass } from "./bounce/classes.ts";
import type { Reply } from "./reply.ts";

/** Who or what answered: host name and address of the next hop, or `undefined` when none was reached. */
export interface Remote {
  readonly name: string;
  readonly address?: string;
}

/** A message that a recipient's own rules give rise to. */
export type Outgoing =
  /** The same message goes on from this address of ours, with these lines in front; its sender stays. */
  | { readonly kind: "copy"; readonly by: Address; readonly to: readonly Address[]; readonly prefix: string }
  /** An automatic answer; it has no sender who could be told of its fate. */
  | { readonly kind: "message"; readonly to: readonly Address[]; readonly octets: Uint8Array };

export type Outcome =
  | {
      readonly kind: "delivered";
      readonly reply: Reply;
      readonly remote?: Remote;
      /**
       * `final`: filed in a mailbox here. `relayed`: handed to an MTA that does not know DSN. `passedOn`: handed to an
       * MTA that takes over the DSN duty. `expanded`: replaced by several forward-paths (RFC 3464 §2.3.3).
       */
      readonly how: "final" | "relayed" | "passedOn" | "expanded";
      /** What is sent because of it: queued in the same instant in which the recipient is done. */
      readonly sends?: readonly Outgoing[];
    }
  | {
      readonly kind: "deferred";
      readonly reply: Reply;
      readonly remote?: Remote;
      /** Try no earlier than this (ms since epoch), when the reason tells; else the retry schedule decides. */
      readonly notBefore?: number;
      readonly bounce?: BounceClass;
    }
  | {
      readonly kind: "failed";
      readonly reply: Reply;
      readonly remote?: Remote;
      /** What it is about, where that is known better than by the reply (`bounce/classify`). */
      readonly bounce?: BounceClass;
    };
