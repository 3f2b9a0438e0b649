/**
 * What one site allows just now: connections, messages a minute, and pauses when it cannot be used.
 *
 * In:     the dispatcher's `take` and `release` of a connection, what came of it, and the time.
 * Out:    `Gate`: may another connection be opened, may another message be sent, and when to ask again.
 * Keeps:  never more connections than the limit or than the site has shown to bear; one connection at a time after a
 *         pause; a gentle start after it. However the calls fall, time alone opens it again.
 */
import type { Chance } from "../../kit/clock.ts";
import type { Gate } from "../carrier.ts";
import type { Limits } from "../route/types.ts";
import { type Circuit, close, hurry, newCircuit, open, type Pauses, probe, unprobe } from "./circuit.ts";
import { Pace } from "./pace.ts";
import { allowed, grow, initialSize, initialWindow, resume, shrink, type Window } from "./window.ts";

export class Site implements Gate {
  /** Those of the route that was found last. */
  limits: Limits;
  readonly #pauses: Pauses;
  readonly #chance: Chance;
  readonly #pace = new Pace();
  #circuit: Circuit = newCircuit;
  #window: Window = initialWindow;
  #connections = 0;
  /** It has worked since it was last closed. */
  #proven = false;
  /** Refusals since the last success. */
  #refusals = 0;

  constructor(limits: Limits, pauses: Pauses, chance: Chance) {
    this.limits = limits;
    this.#pauses = pauses;
    this.#chance = chance;
  }

  get connections(): number {
    return this.#connections;
  }

  /** How many connections it may have at the moment. */
  allowed(now: number): number {
    const circuit = this.#circuit;
    if (circuit.at === "open") return allowed(this.#window, this.limits.maxConnections);
    // One more than are open (they are from before the pause), unless one is trying already.
    return this.#connections + (circuit.at === "closed" && now >= circuit.until ? 1 : 0);
  }

  mayConnect(now: number): boolean {
    return this.#connections < Math.min(this.allowed(now), this.limits.maxConnections);
  }

  maySend(now: number): boolean {
    const { ratePerMinute } = this.limits;
    return ratePerMinute === undefined || this.#pace.wait(ratePerMinute, now) === 0;
  }

  nextChange(now: number): number | undefined {
    const { ratePerMinute } = this.limits;
    const wait = ratePerMinute === undefined ? 0 : this.#pace.wait(ratePerMinute, now);
    const sendAt = wait > 0 ? now + wait : undefined;
    const connectAt = this.backOff(now);
    if (sendAt === undefined || connectAt === undefined) return sendAt ?? connectAt;
    return Math.min(sendAt, connectAt);
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
    const { ratePerMinute } = this.limits;
    if (ratePerMinute !== undefined) this.#pace.count(ratePerMinute, now);
  }

  went(how: "well" | "badly", now: number): void {
    if (how === "well") this.#wentWell();
    else this.#wentBadly(now);
  }

  backOff(now: number): number | undefined {
    const circuit = this.#circuit;
    return circuit.at === "closed" && now < circuit.until ? circuit.until : undefined;
  }

  hurry(): void {
    this.#circuit = hurry(this.#circuit);
  }

  /** Nothing is known of it that a new one would not assume. */
  isForgettable(now: number): boolean {
    return (
      this.#connections === 0 &&
      this.#circuit.at === "open" &&
      this.#circuit.round === 0 &&
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
    this.#refusals = 0;
  }
}
