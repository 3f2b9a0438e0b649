/**
 * How an attempt ended for one recipient. Every attempt ends in one of three ways, and `queue/settle` is the only
 * place that acts on them.
 */
import type { Reply } from "./reply.ts";

/** Who or what answered: host name and address of the next hop, or `undefined` when none was reached. */
export interface Remote {
  readonly name: string;
  readonly address?: string;
}

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
    }
  | {
      readonly kind: "deferred";
      readonly reply: Reply;
      readonly remote?: Remote;
      /** Try no earlier than this (ms since epoch), when the reason tells; else the retry schedule decides. */
      readonly notBefore?: number;
    }
  | { readonly kind: "failed"; readonly reply: Reply; readonly remote?: Remote };
