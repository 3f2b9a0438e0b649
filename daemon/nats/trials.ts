/**
 * How trying to follow a stream anew has gone: when to try again, and when it is time for another server.
 *
 * In:     what came of each try, and the time (monotonic ms).
 * Out:    the pause before the next. A refusal would be the same at every server of a cluster: it is asked for again ever less
 *         often, and is never a reason to leave; only silence is, when it has lasted longer than a cluster takes to choose a leader.
 */
import { LEADERLESS_MS } from "./elsewhere.ts";

const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class Trials {
  #refusedMs = 0;
  #silentSince: number | undefined;

  /** It was refused, and said so. */
  get wereRefused(): boolean {
    return this.#refusedMs > 0;
  }

  /** The pause, ms. */
  refused(): number {
    this.#silentSince = undefined;
    this.#refusedMs = Math.min(this.#refusedMs === 0 ? PAUSE_MS : 2 * this.#refusedMs, LONGEST_PAUSE_MS);
    return this.#refusedMs;
  }

  /** Nobody answered who should, or whoever did was busy. `isUp`: the connection was there. */
  unanswered(isUp: boolean, now: number): { readonly pauseMs: number; readonly shouldLeave: boolean } {
    this.#silentSince = isUp ? (this.#silentSince ?? now) : undefined;
    const shouldLeave = this.#silentSince !== undefined && now - this.#silentSince > LEADERLESS_MS;
    return { pauseMs: PAUSE_MS, shouldLeave };
  }
}
