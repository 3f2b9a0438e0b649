/**
 * What the answers of a site mean for everything else that goes there: a site that asks for less gets less.
 *
 * In:     outcomes of a transaction, or the refusal of a connection; the site's gate, which is told.
 * Out:    the outcomes, their next attempts no earlier than the site allows; what becomes of jobs in line while it wants to
 *         be left alone for long.
 */
import { type Advice, adviceOf } from "../mail/bounce/advice.ts";
import { bounceOf } from "../mail/bounce/classify.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { Gate, Opened } from "./carrier.ts";

/** Asked to wait for longer than this, jobs are deferred: so their lifetimes and delay notices go on. */
const longPauseMs = 5 * 60_000;
const asksForLess = reply(451, "4.7.28", "The site asked us to send less; waiting before it is sent more");

/** `undefined`: the outcomes ask for nothing of that kind. */
export function heeded(
  outcomes: readonly Outcome[],
  gate: Gate,
  now: number,
): readonly Outcome[] | undefined {
  gate.heard(outcomes, now);
  const advice = adviceIn(outcomes);
  if (advice === undefined) return undefined;
  gate.asked(advice, now);
  const until = gate.askedToWait(now);
  if (until === undefined) return outcomes;
  return outcomes.map((outcome) =>
    outcome.kind === "deferred" && bounceOf(outcome) === "rate-limited"
      ? { ...outcome, notBefore: until }
      : outcome,
  );
}

/** Tells the gate why no connection came to be; the outcome of the job that wanted one. */
export function refused(
  { reply: answer, remote, bounce }: Extract<Opened, { kind: "refused" }>,
  gate: Gate,
  now: number,
): Outcome {
  const advice = adviceOf(answer, bounce);
  if (advice) gate.asked(advice, now);
  else gate.went("badly", now);
  const until = gate.backOff(now) ?? gate.askedToWait(now);
  const outcome: Outcome = {
    kind: "deferred",
    reply: answer,
    ...(remote ? { remote } : {}),
    ...(bounce ? { bounce } : {}),
    ...(until === undefined ? {} : { notBefore: until }),
  };
  gate.heard([outcome], now);
  return outcome;
}

/** What becomes of jobs for a site that wants to be left alone for long. */
export function leftAlone(gate: Gate, now: number): Outcome | undefined {
  const until = gate.askedToWait(now);
  if (until === undefined || until - now <= longPauseMs) return undefined;
  return { kind: "deferred", reply: asksForLess, notBefore: until, bounce: "rate-limited" };
}

/** In line for so long at a site that is sent less, jobs are deferred, too. */
const longLineMs = 15 * 60_000;

/** What becomes of those that were due before a time, which is told. */
export function heldUp(
  gate: Gate,
  now: number,
): { readonly before: number; readonly outcome: Outcome } | undefined {
  if (!gate.isSlowed(now)) return undefined;
  const outcome = { kind: "deferred", reply: asksForLess, bounce: "rate-limited" } as const;
  return { before: now - longLineMs, outcome };
}

/** What the answers of another host ask of us. */
function adviceIn(outcomes: readonly Outcome[]): Advice | undefined {
  for (const outcome of outcomes) {
    const about = outcome.remote && bounceOf(outcome);
    const advice = about && adviceOf(outcome.reply, about);
    if (advice) return advice;
  }
  return undefined;
}
