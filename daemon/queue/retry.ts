/**
 * When to try again, and when to give up.
 *
 * In:     attempts so far (the finished one included), when the message was accepted, the policy's numbers, chance.
 * Out:    the time of the next attempt, or `expired`.
 * Fails:  never.
 * Spec:   RFC 5321 §4.5.4.1: at least 30 minutes between attempts in the long run, give up after 4 to 5 days.
 *
 * Waits grow from `initialMs` by `factor` to `maxMs`, each spread by ±`jitter`, so that what failed together does not
 * come back together. The last attempt is at the deadline itself: no message is given up before its time.
 */
import type { Chance } from "../kit/clock.ts";

/** ms, but for `factor` and `jitter` (0.1 is ±10 %). */
export interface RetryNumbers {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly expireAfterMs: number;
  /** 0: never. */
  readonly delayNoticeAfterMs: number;
  readonly jitter: number;
}

const minute = 60_000;
const hour = 60 * minute;

export const defaultRetry: RetryNumbers = Object.freeze({
  initialMs: 5 * minute,
  factor: 2,
  maxMs: 4 * hour,
  expireAfterMs: 5 * 24 * hour,
  delayNoticeAfterMs: 4 * hour,
  jitter: 0.1,
});

/** What a reason may ask for beyond the policy's own waits (`notBefore`). */
const longestReason = 2 * hour;

/** No next attempt is further away than this, ms. */
export const longestWait = ({ maxMs, jitter }: RetryNumbers): number =>
  Math.max(maxMs * (1 + jitter), longestReason);

export interface Tried {
  /** Finished attempts, 1 or more. */
  readonly attempts: number;
  readonly queuedAt: number;
  readonly now: number;
  readonly policy: RetryNumbers;
  readonly chance: Chance;
  /** The reason tells that an earlier attempt is useless. ms since the epoch. */
  readonly notBefore?: number | undefined;
}

export type NextAttempt = { readonly kind: "retry"; readonly at: number } | { readonly kind: "expired" };

export const expiresAt = (queuedAt: number, policy: RetryNumbers): number => queuedAt + policy.expireAfterMs;

export function nextAttempt({ attempts, queuedAt, now, policy, chance, notBefore = 0 }: Tried): NextAttempt {
  const deadline = expiresAt(queuedAt, policy);
  if (now >= deadline) return { kind: "expired" };
  const plain = Math.min(policy.initialMs * policy.factor ** Math.max(0, attempts - 1), policy.maxMs);
  const wait = plain * (1 - policy.jitter + 2 * policy.jitter * chance());
  const at = Math.max(now + Math.round(wait), notBefore);
  return { kind: "retry", at: Math.min(at, deadline) };
}

/** The sender should hear now that the message is late. Once per job: the caller remembers. RFC 5321 §4.5.4.1 */
export const delayNoticeDue = (queuedAt: number, now: number, policy: RetryNumbers): boolean =>
  policy.delayNoticeAfterMs > 0 && now - queuedAt >= policy.delayNoticeAfterMs;
