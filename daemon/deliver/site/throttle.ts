/**
 * How much less a site gets that asked for less: nothing for a while, then half of what it got, then a little more each
 * minute until it is as before.
 *
 * Pure; times in ms, rates in messages a minute. As TCP treats a lossy line (additive increase, multiplicative decrease),
 * but by time, not by round trip: providers count by the minute and the hour, and a round of successes takes a second.
 * What connections side by side hear in one pause is one answer.
 */
import { longestStated } from "../../mail/bounce/advice.ts";
import type { Pauses } from "./circuit.ts";

export type Throttle =
  | { readonly at: "free" }
  | {
      readonly at: "slowed";
      /** Nothing goes until then. */
      readonly pausedUntil: number;
      /** From then on it gets more again. */
      readonly since: number;
      readonly rate: number;
      readonly connections: number;
      /** What it got before it first asked: sets the step in which the rate grows. */
      readonly before: number;
      /** Times in a row that it asked. */
      readonly round: number;
    };

export const free: Throttle = { at: "free" };

/** What is known of the site when it asks. */
export interface Asked {
  readonly now: number;
  /** Messages of the last minute. */
  readonly sent: number;
  /** Connections that are open, or were allowed. */
  readonly connections: number;
  /** How long it wants to be left alone, if it said so. */
  readonly waitMs?: number | undefined;
  readonly pauses: Pauses;
  /** In [0, 1). */
  readonly chance: number;
}

const minute = 60_000;
/** So long without being asked again, and the next pause is a first one. */
const calmMs = 10 * minute;
/** So long, and it is forgotten. */
const forgottenMs = 60 * minute;
/** The share of the rate that was borne before, that is added each minute. */
const step = 1 / 20;
const maxRound = 30;

export function slower(throttle: Throttle, asked: Asked): Throttle {
  const { now, connections, sent } = asked;
  const current = settled(throttle, now);
  if (current.at === "free") {
    const before = Math.max(sent, 1);
    return cut(asked, { rate: before, connections, before, round: 0 });
  }
  // Begun before the pause: no news, unless it says now how long.
  if (now < current.pausedUntil) return prolonged(current, asked);
  const round = now - current.since > calmMs ? 0 : current.round;
  const rate = rateOf(current, now);
  const most = Math.min(connections, connectionsOf(current, now));
  return cut(asked, { rate, connections: most, before: current.before, round });
}

type Slowed = Extract<Throttle, { at: "slowed" }>;

function cut(
  { now, waitMs, pauses, chance }: Asked,
  { rate, connections, before, round }: Pick<Slowed, "rate" | "connections" | "before" | "round">,
): Throttle {
  const usual = Math.min(pauses.firstMs * 2 ** round, pauses.longestMs) * (0.9 + 0.2 * chance);
  // A stated time is kept to in full; a little later, so that not everybody comes back in the same second.
  const pause = waitMs === undefined ? usual : Math.min(waitMs, longestStated) * (1 + 0.1 * chance);
  return {
    at: "slowed",
    pausedUntil: now + pause,
    since: now + pause,
    rate: Math.max(1, rate / 2),
    connections: Math.max(1, Math.floor(connections / 2)),
    before,
    round: Math.min(round + 1, maxRound),
  };
}

function prolonged(current: Slowed, { now, waitMs = 0 }: Asked): Throttle {
  const until = now + Math.min(waitMs, longestStated);
  return until <= current.pausedUntil ? current : { ...current, pausedUntil: until, since: until };
}

/** A pause that is ended early; what it gets afterwards stays as little. */
export const hurried = (throttle: Throttle): Throttle =>
  throttle.at === "free" ? throttle : { ...throttle, pausedUntil: Number.NEGATIVE_INFINITY };

/** Without what time has healed. */
export const settled = (throttle: Throttle, now: number): Throttle =>
  throttle.at === "slowed" && now - throttle.since >= forgottenMs ? free : throttle;

/** Until when nothing goes, or `undefined`. */
export const pausedUntil = (throttle: Throttle, now: number): number | undefined =>
  throttle.at === "slowed" && now < throttle.pausedUntil ? throttle.pausedUntil : undefined;

export const rateOf = (throttle: Throttle, now: number): number =>
  throttle.at === "free"
    ? Number.POSITIVE_INFINITY
    : throttle.rate + Math.max(1, throttle.before * step) * minutes(throttle, now);

export const connectionsOf = (throttle: Throttle, now: number): number =>
  throttle.at === "free"
    ? Number.POSITIVE_INFINITY
    : throttle.connections + Math.floor(minutes(throttle, now));

/** When it will bear one more connection. */
export const nextConnection = (throttle: Throttle, now: number): number | undefined =>
  throttle.at === "free" ? undefined : throttle.since + (Math.floor(minutes(throttle, now)) + 1) * minute;

const minutes = ({ since }: Slowed, now: number): number => Math.max(0, now - since) / minute;
