/**
 * What a DSN tells: plain facts, gathered by `queue/settle`, made into a message by `dsn/message`.
 *
 * Spec: RFC 3464 §2.2 (per message), §2.3 (per recipient).
 */
import type { Address } from "../address.ts";
import type { Recipient } from "../envelope.ts";
import type { Remote } from "../outcome.ts";
import type { Reply } from "../reply.ts";

/** One DSN is of one kind. `success` covers delivered, relayed and expanded. */
export type ReportKind = "failure" | "delay" | "success";

/** RFC 3464 §2.3.3 */
export type Action = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

export interface ReportedRecipient {
  readonly recipient: Recipient;
  readonly action: Action;
  /** The last answer. */
  readonly reply: Reply;
  /** Who gave it; absent when we did. */
  readonly remote?: Remote;
  /**
   * Failed though nobody refused it for good: the message's time was up (Status 5.4.7, RFC 3463 §3.5), or an operator
   * returned it.
   */
  readonly cause?: "expired" | "returned";
}

export interface Report {
  readonly kind: ReportKind;
  /** The DSN's own id: its Message-ID and MIME boundary. Nobody can foresee it. */
  readonly id: string;
  /** Now, which is when the last attempt ended. ms since the epoch. */
  readonly at: number;
  /** Our name. */
  readonly reportingMta: string;
  /** The reverse-path of the message; a null sender gets no report, so there is none here. */
  readonly to: Address;
  readonly message: {
    readonly id: string;
    readonly queuedAt: number;
    readonly smtputf8: boolean;
    readonly envid?: string;
    readonly ret?: "FULL" | "HDRS";
  };
  /** Delay only: the end of the message's lifetime. */
  readonly retryUntil?: number;
  /** Never empty. */
  readonly recipients: readonly ReportedRecipient[];
}
