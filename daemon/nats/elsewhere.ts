/**
 * Which server to go to when the one that we are connected to answers, but not for the cluster: cut off from the others
 * it leads nothing, and whoever stays with it is served by nobody. (The client itself leaves a server only when the
 * connection breaks, and then tries the same one first.)
 *
 * In:     the pool that the client knows, and when to leave.
 * Out:    `mayLeave` while there is anywhere else to go and the last move was a while ago; `next` is what the client asks
 *         before each dial: another server than the one that was left, the one first that was tried longest ago.
 */
import { isIpAddress } from "../kit/cidr.ts";

export interface PoolServer {
  readonly listen: string;
  /** ms since the epoch; 0: never. */
  readonly lastConnect: number;
}

/** Nobody who leads answers: longer than the choice of another leader takes, ms. */
export const LEADERLESS_MS = 12_000;

/** A move costs every consumer of ours, and a cluster without any leader is not helped by moving about: each waits twice as long. */
const BETWEEN_MS = 15_000;
const LONGEST_BETWEEN_MS = 600_000;

export class Elsewhere {
  /** The server that was left, and when by the wall clock, as the pool tells its times. */
  #left: { readonly server: string; readonly at: number } | undefined;
  #movedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = BETWEEN_MS;

  /** `now`: monotonic ms. */
  mayLeave(pool: readonly PoolServer[], now: number): boolean {
    return (pool.length > 1 || pool.some(isName)) && now - this.#movedAt >= this.#pauseMs;
  }

  /** `wall`: ms since the epoch. */
  leave(server: string, now: number, wall: number): void {
    const again = now - this.#movedAt < 2 * LONGEST_BETWEEN_MS;
    this.#pauseMs = again ? Math.min(2 * this.#pauseMs, LONGEST_BETWEEN_MS) : BETWEEN_MS;
    this.#left = { server, at: wall };
    this.#movedAt = now;
  }

  /** `null`: as the client would choose; so it is when each of the others was tried in vain. */
  next<S extends PoolServer>(pool: readonly S[]): S | null {
    const left = this.#left;
    if (left === undefined) return null;
    const untried = pool.filter(({ listen, lastConnect }) => listen !== left.server && lastConnect < left.at);
    if (untried.length === 0) this.#left = undefined;
    return untried.toSorted((a, b) => a.lastConnect - b.lastConnect)[0] ?? null;
  }

  arrived(): void {
    this.#left = undefined;
  }
}

/** A name may stand for several servers, as a Service of Kubernetes does: dialled anew, it leads to another. */
function isName({ listen }: PoolServer): boolean {
  const host = listen.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return !isIpAddress(host) && host !== "localhost";
}
