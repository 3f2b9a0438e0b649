/**
 * What one site allows just now: connections, messages a minute, and pauses when it cannot be used or asks for less.
 *
 * In:     the dispatcher's `take` and `release` of a connection, what came of it, and the time.
 * Out:    `Gate`: may another connection be opened, may another message be sent, and when to ask again.
 * Keeps:  never more connections than the limit or than the site has shown to bear; one connection at a time after a
 *         pause; a gentle start after it. However the calls fall, time alone opens it again.
 */
import type { Chance } from "../../kit/clock.ts";
import type { Advice } from "../../mail/bounce/advice.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { PolicyName } from "../../queue/job.ts";
import type { Gate } from "../carrier.ts";
import type { Limits } from "../route/types.ts";
import { Answers } from "./answers.ts";
import { type Circuit, close, hurry, newCircuit, open, type Pauses, probe, unprobe } from "./circuit.ts";
import { Pace } from "./pace.ts";
import { Tally } from "./tally.ts";
import {
  connectionsOf,
  free,
  hurried,
  nextConnection,
  pausedUntil,
  rateOf,
  settled,
  slower,
  type Throttle,
} from "./throttle.ts";
import { allowed, grow, initialSize, initialWindow, resume, shrink, type Window } from "./window.ts";

export type SiteState = "open" | "slowed" | "paused" | "suspended";

export interface SiteMeans {
  /** Whose site it is. */
  readonly policy: PolicyName;
  readonly pauses: Pauses;
  readonly chance: Chance;
  readonly isSuspended: () => boolean;
}

export class Site implements Gate {
  /** Those of the route that was found last. */
  limits: Limits;
  readonly policy: PolicyName;
  readonly answers = new Answers();
  readonly isSuspended: () => boolean;
  readonly #pauses: Pauses;
  readonly #chance: Chance;
  readonly #pace = new Pace();
  readonly #tally = new Tally();
  #throttle: Throttle = free;
  #circuit: Circuit = newCircuit;
  #window: Window = initialWindow;
  #connections = 0;
  /** It has worked since it was last closed. */
  #proven = false;
  /** It has taken mail since it was last closed. */
  #took = false;
  /** Refusals since the last success. */
  #refusals = 0;

  constructor(limits: Limits, { policy, pauses, chance, isSuspended }: SiteMeans) {
    this.limits = limits;
    this.policy = policy;
    this.isSuspended = isSuspended;
    this.#pauses = pauses;
    this.#chance = chance;
  }

  get connections(): number {
    return this.#connections;
  }

  get worked(): boolean {
    return this.#took;
  }

  /** How many connections it may have at the moment. */
  allowed(now: number): number {
    const circuit = this.#circuit;
    if (circuit.at === "open")
      return Math.min(allowed(this.#window, this.limits.maxConnections), connectionsOf(this.#throttle, now));
    // One more than are open (they are from before the pause), unless one is trying already.
    return this.#connections + (circuit.at === "closed" && now >= circuit.until ? 1 : 0);
  }

  mayConnect(now: number): boolean {
    if (this.isSuspended() || this.askedToWait(now) !== undefined) return false;
    return this.#connections < Math.min(this.allowed(now), this.limits.maxConnections);
  }

  maySend(now: number): boolean {
    return !this.isSuspended() && this.askedToWait(now) === undefined && this.#wait(now) === 0;
  }

  nextChange(now: number): number | undefined {
    const asked = this.askedToWait(now);
    if (asked !== undefined) return Math.max(asked, this.backOff(now) ?? 0);
    const wait = this.#wait(now);
    const times = [
      wait > 0 ? now + wait : undefined,
      this.backOff(now),
      nextConnection(this.#throttle, now),
    ].filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Messages a minute that it gets now: as its limit says, or less since it asked for less; `undefined`: as many as there are. */
  ratePerMinute(now: number): number | undefined {
    const rate = this.#rate(now);
    return rate === Number.POSITIVE_INFINITY ? undefined : rate;
  }

  /** How long until one more message may go, ms. */
  #wait(now: number): number {
    const rate = this.#rate(now);
    return rate === Number.POSITIVE_INFINITY ? 0 : this.#pace.wait(rate, now);
  }

  #rate(now: number): number {
    this.#throttle = settled(this.#throttle, now);
    return Math.min(this.limits.ratePerMinute ?? Number.POSITIVE_INFINITY, rateOf(this.#throttle, now));
  }

  take(): void {
    this.#connections++;
    this.#circuit = probe(this.#circuit);
  }

  release(): void {
    this.#connections--;
    if (this.#connections === 0) this.#circuit = unprobe(this.#circuit);
  }

  sent(now: number): void {
    this.#tally.count(now);
    const rate = this.#rate(now);
    if (rate !== Number.POSITIVE_INFINITY) this.#pace.count(rate, now);
  }

  went(how: "well" | "badly", now: number): void {
    if (how === "well") this.#wentWell();
    else this.#wentBadly(now);
  }

  /** "Too many connections" beside others that work: so many are right. Without others it is left alone like any that asks. */
  asked(advice: Advice, now: number): void {
    if (advice.kind === "fewer" && this.#circuit.at === "open" && this.#connections > 1) {
      this.#window = shrink(this.#window, this.#connections - 1);
      return;
    }
    this.#throttle = slower(this.#throttle, {
      now,
      sent: this.#tally.lastMinute(now),
      connections: Math.max(1, this.#connections),
      waitMs: advice.kind === "slower" ? advice.waitMs : undefined,
      pauses: this.#pauses,
      chance: this.#chance(),
    });
  }

  heard(outcomes: readonly Outcome[], now: number): void {
    for (const outcome of outcomes) {
      this.answers.count(outcome, now);
      this.#took ||= outcome.kind === "delivered";
    }
  }

  isSlowed(now: number): boolean {
    return settled(this.#throttle, now).at === "slowed";
  }

  askedToWait(now: number): number | undefined {
    return pausedUntil(this.#throttle, now);
  }

  /** `suspended`: an operator said so; `paused`: nothing goes; `slowed`: less than it could bear; `open`: as much as its limits say. */
  state(now: number): SiteState {
    if (this.isSuspended()) return "suspended";
    if (this.askedToWait(now) !== undefined || this.backOff(now) !== undefined) return "paused";
    return this.isSlowed(now) ? "slowed" : "open";
  }

  backOff(now: number): number | undefined {
    const circuit = this.#circuit;
    return circuit.at === "closed" && now < circuit.until ? circuit.until : undefined;
  }

  hurry(): void {
    this.#circuit = hurry(this.#circuit);
    this.#throttle = hurried(this.#throttle);
  }

  /** Nothing is known of it that a new one would not assume. */
  isForgettable(now: number): boolean {
    return (
      this.#connections === 0 &&
      this.#circuit.at === "open" &&
      this.#circuit.round === 0 &&
      !this.isSlowed(now) &&
      this.#pace.isClean(now)
    );
  }

  #wentWell(): void {
    const max = this.limits.maxConnections;
    this.#window =
      this.#circuit.at === "open" ? grow(this.#window, max) : resume(this.#window, this.#connections);
    this.#circuit = open(this.#circuit, this.#window.size >= Math.min(initialSize, max));
    this.#proven = true;
    this.#refusals = 0;
  }

  /** Refused while others work: it bears no more. Refused with nothing that works: it is away. */
  #wentBadly(now: number): void {
    if (this.#circuit.at === "closed") return; // begun before it was closed: no news
    const others = this.#connections - 1;
    this.#refusals++;
    if (this.#circuit.at === "open" && this.#proven && this.#refusals <= others) {
      this.#window = shrink(this.#window, others);
      return;
    }
    this.#circuit = close(this.#circuit, now, this.#pauses, this.#chance());
    this.#proven = false;
    this.#took = false;
    this.#refusals = 0;
  }
}
