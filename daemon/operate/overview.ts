/**
 * The state of the whole in one look: backlog by destination, what comes and goes, what fails. However many look, it is
 * worked out once in `FRESH_MS`.
 *
 * Fails: `StoreFault` when the stream must be read and cannot be.
 */
import type { Groups } from "../queue/inquiry.ts";
import type { Activity, ActivityWatch } from "./activity.ts";
import type { Lacking, QueueIndex } from "./queue-index.ts";

export interface Overview extends Groups, Lacking, Activity {
  /** ms since the epoch */
  readonly at: number;
  /** Why no new mail may come in. */
  readonly closed: "away" | "full" | undefined;
}

export interface OverviewMeans {
  readonly index: Pick<QueueIndex, "groups">;
  readonly activity: Pick<ActivityWatch, "now">;
  readonly closed: () => Overview["closed"];
  readonly now: () => number;
}

const FRESH_MS = 1_500;
const LARGEST = 10;

export class Overviews {
  readonly #means: OverviewMeans;
  #at = Number.NEGATIVE_INFINITY;
  #last: Promise<Overview> | undefined;

  constructor(means: OverviewMeans) {
    this.#means = means;
  }

  latest(): Promise<Overview> {
    const now = this.#means.now();
    if (this.#last !== undefined && Math.abs(now - this.#at) < FRESH_MS) return this.#last;
    this.#at = now;
    this.#last = this.#look(now);
    this.#last.catch(() => {
      this.#last = undefined;
    });
    return this.#last;
  }

  /** Whoever asked first may leave; the others still want the answer. */
  async #look(at: number): Promise<Overview> {
    const { index, activity, closed } = this.#means;
    const signal = AbortSignal.timeout(20_000);
    const [groups, now] = await Promise.all([index.groups({}, LARGEST, signal), activity.now()]);
    return { at, closed: closed(), ...groups, ...now };
  }
}
