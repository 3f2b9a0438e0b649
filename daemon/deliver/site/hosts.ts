/**
 * Which hosts could not be used lately, so that a connection tries those that work before it waits for a dead one.
 *
 * In:     addresses that failed or worked, and the time.
 * Out:    the order of one connection attempt: hosts in a pause go last, in the order they had. None is left out: when
 *         all of them are in a pause, they are tried as if none was.
 * Bounded: the pause that was begun first is forgotten first.
 */
import type { Chance } from "../../kit/clock.ts";
import { forgetOldest } from "../../kit/oldest.ts";
import type { Candidate } from "../route/types.ts";
import { type Circuit, close, newCircuit, type Pauses } from "./circuit.ts";

/** A time-out costs one connection half a minute: often enough to notice that a host is back. */
const hostPauses: Pauses = { firstMs: 60_000, longestMs: 15 * 60_000 };

type Host = Pick<Candidate, "address" | "port">;

export class Hosts {
  readonly #failing = new Map<string, Circuit>();
  readonly #chance: Chance;
  readonly #capacity: number;

  constructor(chance: Chance, capacity = 10_000) {
    this.#chance = chance;
    this.#capacity = capacity;
  }

  inOrder(candidates: readonly Candidate[], now: number): readonly Candidate[] {
    if (this.#failing.size === 0 || candidates.length === 1) return candidates;
    const { good = [], paused = [] } = Object.groupBy(candidates, (candidate) =>
      this.#isPaused(candidate, now) ? "paused" : "good",
    );
    return paused.length === 0 ? candidates : [...good, ...paused];
  }

  /** Failures begun before the pause, by connections side by side, do not lengthen it. */
  failed(host: Host, now: number): void {
    if (this.#isPaused(host, now)) return;
    const key = keyOf(host);
    const circuit = this.#failing.get(key) ?? newCircuit;
    this.#failing.delete(key);
    this.#failing.set(key, close(circuit, now, hostPauses, this.#chance()));
    forgetOldest(this.#failing, this.#capacity);
  }

  worked(host: Host): void {
    if (this.#failing.size > 0) this.#failing.delete(keyOf(host));
  }

  #isPaused(host: Host, now: number): boolean {
    const circuit = this.#failing.get(keyOf(host));
    return circuit?.at === "closed" && now < circuit.until;
  }
}

const keyOf = ({ address, port }: Host): string => `${address} ${port}`;
