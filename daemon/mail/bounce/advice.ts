/**
 * What an answer asks of us besides trying again: to send the whole site less, and how long to wait.
 *
 * In:     a reply that is not 2yz, and its class.
 * Out:    `fewer`: it bears no more connections than there are. `slower`: it wants less of everything, for a time that it
 *         may have stated plainly. `undefined`: it says nothing about the site.
 * Spec:   RFC 5321 §3.8, §4.2.1 (421); that a time is stated in words is a habit, no standard.
 */
import type { Reply } from "../reply.ts";
import type { BounceClass } from "./classes.ts";
import { classify } from "./classify.ts";

export type Advice = { readonly kind: "fewer" } | { readonly kind: "slower"; readonly waitMs?: number };

/** No stated time is trusted beyond this: who asks for more is asked again. */
export const longestStated = 2 * 3_600_000;

export function adviceOf(reply: Reply, about: BounceClass = classify(reply)): Advice | undefined {
  if (about === "rate-limited" && /\bconnections?\b|\bsessions\b|concurren/i.test(reply.text))
    return { kind: "fewer" };
  // A 421 that is no matter of one idle connection: the host has no time for us.
  if (about !== "rate-limited" && !(reply.code === 421 && about === "system")) return undefined;
  const waitMs = statedWait(reply.text);
  return waitMs === undefined ? { kind: "slower" } : { kind: "slower", waitMs };
}

const wait =
  /\b(?:try|trying|retry|again|wait|back|resend|deferred|limited|gr[ae]y-?listed)\b[^.;]{0,60}?\b(?:in|after|for|least)\s{1,3}(\d{1,5})\s{0,3}(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b/i;

/** "try again in 5 minutes": a time that is said plainly, ms. */
export function statedWait(text: string): number | undefined {
  const [, number = "", unit = ""] = wait.exec(text.slice(0, 1_000)) ?? [];
  const each = unitMs[unit.charAt(0).toLowerCase()];
  return each === undefined ? undefined : Math.min(Number(number) * each, longestStated);
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
