/**
 * What reconcilers ask of the mail itself: what is queued, and what lies in mailboxes. `operator/store` implements it.
 *
 * Fails:  every call rejects while the store is away, and ends with its signal.
 */

/** Whose queued mail is meant. */
export type QueueScope =
  /** To recipients in a domain of ours, and from senders in it. In A-label form. */
  | { readonly kind: "domain"; readonly domain: string }
  /** What a RelayPolicy sends; `namespace/name`. */
  | { readonly kind: "policy"; readonly policy: string };

export interface Backlog {
  /** Jobs that are queued. Calls at the same time share one look through the queue. */
  count(scope: QueueScope, signal: AbortSignal): Promise<number>;
  /** Orders that each job be given up and its sender told; how many were. The daemons carry it out. */
  bounce(scope: QueueScope, reason: string, signal: AbortSignal): Promise<number>;
}

export interface MailboxUsage {
  /** Canonical, in lower case. */
  readonly address: string;
  readonly bytes: number;
  readonly messages: number;
}

export interface MailStore {
  /** Every mailbox that holds or held something. */
  usage(signal: AbortSignal): AsyncIterable<MailboxUsage>;
  /** Deletes everything in it for good. */
  purge(address: string, namespace: string, signal: AbortSignal): Promise<void>;
  /** Makes what a namespace's own mailbox daemons need before they start; idempotent. */
  prepare(namespace: string): Promise<void>;
}

/** What the owners of a policy's jobs tell of them. */
export interface PolicyFigures {
  /** Jobs to be sent now, and those that wait for another try. */
  readonly due: number;
  readonly deferred: number;
  /** ms since the epoch. */
  readonly oldestDue?: number;
  /** By pod. */
  readonly members: readonly {
    readonly pod: string;
    readonly due: number;
    /** Open sessions with next hops. */
    readonly sessions: number;
  }[];
}

export interface Figures {
  /** `undefined`: nobody answered, or not all did. */
  of(policy: string, pods: readonly string[], signal: AbortSignal): Promise<PolicyFigures | undefined>;
  /** While no relay lives, from the queue itself: when something is to be sent next; `undefined`: nothing is queued. */
  nextAttempt(policy: string, signal: AbortSignal): Promise<number | undefined>;
}

/** What is to be said of a webhook. */
export interface HookState {
  /** `since`: RFC 3339. */
  readonly trouble?:
    | { readonly is: "failing"; readonly since: string; readonly why: string }
    | { readonly is: "gone"; readonly since: string };
  /** Dead letters, about. */
  readonly dead: number;
}

/** `at`: ms since the epoch. */
export type HookCondition =
  | { readonly is: "well"; readonly at: number }
  | { readonly is: "gone"; readonly at: number }
  | { readonly is: "failing"; readonly at: number; readonly why: string };

export interface HookRecords {
  /** By `namespace/hook`, as the gateways name it. */
  hooks(signal: AbortSignal): Promise<{
    readonly conditions: ReadonlyMap<string, HookCondition>;
    readonly dead: ReadonlyMap<string, number>;
  }>;
}
