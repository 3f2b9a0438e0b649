/**
 * Which server to go to when the one that we are connected to answers, but not for the cluster: cut off from the others
 * it leads nothing, and whoever stays with it is served by nobody. (The client itself leaves a server only when the
 * connection breaks, and then tries the same one first.)
 *
 * In:     the pool that the client knows, and when to leave.
 * Out:    `mayLeave` while there is anywhere else to go and the last move was a while ago; `next` is what the client asks
 *         before each dial: another server than the one that was left, the one first that was tried longest ago.
 */
export interface PoolServer {
  readonly listen: string;
  /** ms since the epoch; 0: never. */
  readonly lastConnect: number;
}

/** Nobody who leads answers: longer than the choice of another leader takes, ms. */
export const LEADERLESS_MS = 12_000;

/** A move costs every consumer of ours; a cluster without any leader is not helped by moving about. */
const BETWEEN_MS = 15_000;

export class Elsewhere {
  #left: string | undefined;
  #movedAt = Number.NEGATIVE_INFINITY;

  /** `now`: monotonic ms. */
  mayLeave(pool: readonly PoolServer[], now: number): boolean {
    return pool.length > 1 && now - this.#movedAt >= BETWEEN_MS;
  }

  leave(server: string, now: number): void {
    this.#left = server;
    this.#movedAt = now;
  }

  /** `null`: as the client would choose. */
  next<S extends PoolServer>(pool: readonly S[]): S | null {
    if (this.#left === undefined) return null;
    const others = pool.filter(({ listen }) => listen !== this.#left);
    return others.toSorted((a, b) => a.lastConnect - b.lastConnect)[0] ?? null;
  }

  arrived(): void {
    this.#left = undefined;
  }
}
