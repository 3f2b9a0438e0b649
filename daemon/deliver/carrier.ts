/**
 * What the dispatcher asks of the ways out. It knows jobs, lanes and time; it knows nothing of SMTP, DNS or mailboxes.
 *
 * A *target* is what jobs are queued for (policy and destination). A `Way` is where a target's jobs go now. Targets
 * whose way has the same lane share its connections. A `Carrier` is one open connection (or, for a mailbox here, one
 * worker): it carries one job at a time.
 */
import type { Advice } from "../mail/bounce/advice.ts";
import type { BounceClass } from "../mail/bounce/classes.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import type { Queued } from "../queue/job.ts";
import type { TargetJob } from "../queue/target.ts";

export interface Target {
  /** `policy` and `destination` as one string; the dispatcher's key. */
  readonly name: string;
  readonly job: TargetJob;
}

export type Way =
  | {
      readonly kind: "lane";
      /** Equal for targets that may share connections. */
      readonly lane: string;
      readonly gate: Gate;
      open(signal: AbortSignal): Promise<Opened>;
    }
  /** There is no way: every recipient gets this outcome. */
  | { readonly kind: "none"; readonly outcome: Outcome };

export type Opened =
  | { readonly kind: "open"; readonly carrier: Carrier }
  /** No host of the site could be used; the jobs are deferred with this reply. */
  | {
      readonly kind: "refused";
      readonly reply: Reply;
      readonly remote?: Outcome["remote"];
      readonly bounce?: BounceClass;
    };

export interface Carrier {
  /**
   * One outcome per recipient of the job, in order; or `stale`: the kept connection had ended before anything was
   * answered, and the job wants a new one. Rejects only on a fault of ours.
   */
  carry(queued: Queued, signal: AbortSignal): Promise<readonly Outcome[] | "stale">;
  /** It can take another job. */
  readonly reusable: boolean;
  /** Ends it politely; resolves when the other side has let it go, or does not say so within two seconds. */
  close(): Promise<void>;
}

/** What a site allows just now. Connections are counted here; every `take` is followed by one `release`. */
export interface Gate {
  /** It has taken mail since it last could not be used. */
  readonly worked: boolean;
  /** One more connection may be opened. */
  mayConnect(now: number): boolean;
  /** One more message may be sent (rates, back-off). */
  maySend(now: number): boolean;
  /** When either answer may change by time alone, ms since the epoch; `undefined`: not by time. */
  nextChange(now: number): number | undefined;
  take(): void;
  release(): void;
  /** A message was sent: the rate counts it. */
  sent(now: number): void;
  /** The site answered well, or could not be used at all. */
  went(how: "well" | "badly", now: number): void;
  /** An answer of the site asks for less of everything that goes there. */
  asked(advice: Advice, now: number): void;
  /** It asked for less, and gets less than it may by its limits. */
  isSlowed(now: number): boolean;
  /** It asked that nothing is sent until then, ms since the epoch. */
  askedToWait(now: number): number | undefined;
  /** It is in back-off until then, ms since the epoch. */
  backOff(now: number): number | undefined;
  /** An operator has suspended it: nothing goes, for as long as that is so. */
  isSuspended(): boolean;
  /** What came of messages, or of a connection: for people who look at the site. */
  heard(outcomes: readonly Outcome[], now: number): void;
  /** Somebody who should know says that it may be back: one connection may try at once. */
  hurry(): void;
}

/** Finds the way for a target. Answers at once when it knows. Rejects only when the signal aborts. */
export interface Wayfinder {
  find(target: Target, signal: AbortSignal): Way | Promise<Way>;
  /**
   * The target leads to a site now that an operator has suspended; also while nothing can be said of where it leads. Asked again and
   * again for what is kept back.
   */
  isSuspended(target: Target, signal: AbortSignal): boolean | Promise<boolean>;
}
