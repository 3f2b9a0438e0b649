/**
 * The liveness record of one member of a pool: whoever has it lives, and keeps what it holds.
 *
 * In:     `take` under a new name, `renew` well before its end, `end`.
 * Out:    how much of it is left: it counts from before each write, so that it never ends later than we think.
 * Fails:  `take` rejects with what the store said. `renew` says whether it is lost: over, or ended by the server.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";

export interface OwnershipTimes {
  readonly ttlMs: number;
  readonly renewMs: number;
  /** How long before the lease's end nothing new is started, ms. */
  readonly fenceMs: number;
}

export interface LeaseDeps {
  readonly link: Link;
  readonly commit: Pick<GroupCommit, "commit">;
  readonly pool: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly times: OwnershipTimes;
}

const NOTHING = new Uint8Array();

export class Lease {
  readonly #deps: LeaseDeps;
  #member = newMember();
  #revision = 0;
  /** Monotonic ms at which the last successful write was begun. */
  #renewedAt = 0;
  #leaving = false;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  /** The name that it is under. */
  get member(): string {
    return this.#member;
  }

  /** More than the fence is left of it. */
  get isFresh(): boolean {
    const { ttlMs, fenceMs } = this.#deps.times;
    return this.#age() < ttlMs - fenceMs;
  }

  #age(): number {
    return this.#deps.clock.monotonic() - this.#renewedAt;
  }

  /** For the first time under this name. */
  take(): Promise<void> {
    return this.#write(0);
  }

  /** It is gone: the next one is under another name. */
  forsake(): void {
    this.#member = newMember();
    this.#revision = 0;
  }

  async renew(): Promise<"renewed" | "not yet" | "lost"> {
    const { times, log } = this.#deps;
    try {
      await this.#write(this.#revision);
      return "renewed";
    } catch (error) {
      const expired = this.#age() > times.ttlMs;
      if (expired || (error instanceof Conflict && !(await this.#isStillMine()))) return "lost";
      log.warn({ err: error }, "the lease could not be renewed yet");
      return "not yet";
    }
  }

  /** Tells the others that we leave, so that they take at once what becomes free. */
  leave(): Promise<void> {
    this.#leaving = true;
    return this.#write(this.#revision);
  }

  /** Without it nobody waits for us any more. */
  async end(): Promise<void> {
    const gone = { subject: this.#subject(), data: NOTHING, ttl: "1s", expect: this.#revision };
    await this.#deps.commit.commit([gone], 5_000).catch(() => {});
  }

  async #write(expect: number): Promise<void> {
    const { commit, clock, times } = this.#deps;
    const began = clock.monotonic();
    const value = { since: clock.now(), ...(this.#leaving ? { leaving: true } : {}) };
    const data = Buffer.from(JSON.stringify(value));
    const ttl = `${Math.max(1, Math.round(times.ttlMs / 1_000))}s`;
    this.#revision = await commit.commit([{ subject: this.#subject(), data, ttl, expect }], times.renewMs);
    this.#renewedAt = began;
  }

  /**
   * A renewal that was given up may have been stored all the same, and then stands in the way of the next: the record is
   * ours as long as it is there, since nobody else writes under our name. The next renewal names it.
   */
  async #isStillMine(): Promise<boolean> {
    const { link, times } = this.#deps;
    const found = await lastOnSubject(link, OWN_STREAM, this.#subject(), times.renewMs).catch(
      () => undefined,
    );
    if (!found || found.forged || found.data.length === 0) return false;
    this.#revision = found.sequence;
    return true;
  }

  #subject(): string {
    return `own.${this.#deps.pool}.m.${this.#member}`;
  }
}

const newMember = () => randomBytes(9).toString("base64url");
