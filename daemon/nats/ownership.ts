/**
 * Ownership of partitions on the stream `OWN`: one liveness record a member, one owner record a partition.
 *
 * A member's record has a TTL of 30 s and is renewed every 5 s by compare-and-set; when the server lets it expire, the
 * others may claim what that member held. (A lease per partition would cost a write each every 5 s; this costs one per
 * process.) A member that could not renew for 20 s starts nothing new; one whose record expired has lost everything and
 * joins again under a new name. So what two processes may both be doing is bounded to attempts that began before the
 * fence, and their settlement is decided by compare-and-set on the job.
 *
 * Subjects: `own.<pool>.m.<member>` and `own.<pool>.p.<partition>`, where a pool is `<namespace>.<class>-<policy>`. What nobody
 * takes goes after an hour, so that policies of before leave nothing behind.
 */
import { type Holding, moves } from "../queue/ownership.ts";
import { Conflict } from "./fault.ts";
import { Lease, type LeaseDeps, type OwnershipTimes } from "./lease.ts";
import { lastOnSubject } from "./read.ts";
import { Roll } from "./roll.ts";
import { forgetSilent } from "./silent-members.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

export type { OwnershipTimes } from "./lease.ts";

export const defaultTimes: OwnershipTimes = { ttlMs: 30_000, renewMs: 5_000, fenceMs: 10_000 };

export interface OwnershipHooks {
  /** Claimed durably: start following them. */
  gained(partitions: readonly number[]): void;
  /**
   * Stop starting work on them and forget their jobs; each promise resolves when no attempt on that partition is in flight
   * (or time is up).
   */
  releasing(partitions: readonly number[]): readonly Promise<void>[];
  /** The lease is gone: drop them at once. */
  lost(partitions: readonly number[]): void;
}

export interface OwnershipDeps extends LeaseDeps {
  readonly partitions: number;
  readonly hooks: OwnershipHooks;
}

const FREE_TTL = "3600s";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

export class PartitionOwnership implements AsyncDisposable {
  readonly #deps: OwnershipDeps;
  readonly #lease: Lease;
  readonly #roll: Roll;
  readonly #mine = new Set<number>();
  /** On their way to somebody else: given up when the attempts on them have ended, unless all was lost meanwhile. */
  readonly #leaving = new Map<number, Promise<void>>();
  #tail: Tail | undefined;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #planned = false;
  /** Nothing new is claimed or started; the lease is renewed until everything is handed over. */
  #stopping = false;
  #stopped = false;

  constructor(deps: OwnershipDeps) {
    this.#deps = deps;
    this.#lease = new Lease(deps);
    this.#roll = new Roll(deps.log);
  }

  async start(): Promise<this> {
    await this.#join();
    const { link, pool, log } = this.#deps;
    const filters = [`own.${pool}.>`];
    this.#tail = await new Tail(link, {
      stream: OWN_STREAM,
      filters,
      log,
      onMessage: (m) => this.#hear(m),
    }).start();
    await this.#tail.caughtUp;
    this.#plan();
    this.#timer = setInterval(() => this.#queue(() => this.#renew()), this.#deps.times.renewMs);
    return this;
  }

  /**
   * True while the lease has more than the fence left and the store can be reached: what is delivered while it cannot,
   * cannot be settled, and is delivered again if we die meanwhile.
   */
  mayStart(): boolean {
    return !this.#stopping && this.#deps.link.isUp() && this.#lease.isFresh;
  }

  /** Gives everything to the others and leaves. Without a connection that is left to the lease, which runs out by itself. */
  async release(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    // Others are told, so that they take at once what becomes free.
    if (this.#mine.size > 0) this.#queue(() => this.#lease.leave());
    await this.#unlessDown(this.#work);
    this.#handOver([...this.#mine]);
    await this.#handedOver();
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#unlessDown(this.#work);
    if (this.#deps.link.isUp()) await this.#lease.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
    await this.#tail?.[Symbol.asyncDispose]();
  }

  /** The work, or the loss of the connection: then it is not waited for. */
  async #unlessDown(work: Promise<void>): Promise<void> {
    const { link } = this.#deps;
    if (!link.isUp()) return;
    const lost = Promise.withResolvers<void>();
    const forget = link.onceDown(() => lost.resolve());
    await Promise.race([work, lost.promise]);
    forget();
  }

  #partitionSubject(partition: number): string {
    return `own.${this.#deps.pool}.p.${partition}`;
  }

  get #me(): string {
    return this.#lease.member;
  }

  async #join(): Promise<void> {
    await this.#lease.take();
    this.#roll.live.add(this.#me);
  }

  async #renew(): Promise<void> {
    const renewed = await this.#lease.renew();
    if (renewed === "not yet") return;
    if (renewed === "lost") await this.#rejoin();
    // What is told may lie where a copy of the stream stands still.
    else if (await forgetSilent(this.#roll, this.#me, this.#deps)) void this.#tail?.doubt();
    this.#plan();
  }

  async #rejoin(): Promise<void> {
    this.#deps.log.warn({ partitions: this.#mine.size }, "the lease ran out; joining again under a new name");
    const held = [...this.#mine];
    this.#mine.clear();
    this.#leaving.clear();
    if (held.length > 0) this.#deps.hooks.lost(held);
    this.#roll.gone(this.#me);
    this.#lease.forsake();
    await this.#join().catch((error: unknown) => this.#deps.log.warn({ err: error }, "cannot join yet"));
  }

  #hear(message: TailMessage): void {
    this.#roll.hear(message, this.#deps.clock.monotonic());
    if (message.pending === 0 && this.#tail && !message.forged) this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.#stopping) return;
    this.#planned = true;
    this.#queue(() => this.#move());
  }

  /** One step at a time, in order. */
  #queue(step: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#stopped) return;
      await step().catch((error: unknown) => this.#deps.log.warn({ err: error }, "ownership step failed"));
    });
  }

  async #move(): Promise<void> {
    this.#planned = false;
    const { partitions, log } = this.#deps;
    const { live, leavers } = this.#roll;
    if (!this.mayStart() || !live.has(this.#me)) return;
    const holdings = this.#roll.holdings(partitions);
    const { claim, release } = moves(this.#me, live, holdings, leavers);
    const leave = release.filter((partition) => !this.#leaving.has(partition));
    if (leave.length > 0) {
      log.info({ partitions: leave.length }, "handing partitions over");
      this.#handOver(leave);
    }
    const wanted = [...claim, ...this.#stranded(holdings, release)];
    if (wanted.length > 0) await this.#claim(wanted);
  }

  /**
   * Ours by the record, and followed by nobody: a claim that was given up was stored after all, or giving up was not. They
   * are claimed anew, which tells whoever works on them.
   */
  #stranded(holdings: readonly Holding[], released: readonly number[]): readonly number[] {
    const isOurs = ({ partition, holder }: Holding) =>
      holder === this.#me && !this.#mine.has(partition) && !this.#leaving.has(partition);
    return holdings
      .filter(isOurs)
      .flatMap(({ partition }) => (released.includes(partition) ? [] : [partition]));
  }

  /**
   * Each partition goes when the attempts on it have ended: a slow next hop keeps one waiting and not all, and the lease is
   * renewed meanwhile.
   */
  #handOver(partitions: readonly number[]): void {
    const leaving = partitions.filter((partition) => !this.#leaving.has(partition));
    const idle = this.#deps.hooks.releasing(leaving);
    for (const [i, partition] of leaving.entries()) {
      const handOver = Promise.withResolvers<void>();
      this.#leaving.set(partition, handOver.promise);
      void this.#leave(partition, idle[i], handOver);
    }
  }

  /**
   * Whoever joined again meanwhile may hold the partition anew, or be handing it over for the second time: neither is for a
   * hand-over of before to end.
   */
  async #leave(
    partition: number,
    idle: Promise<void> | undefined,
    { promise, resolve }: PromiseWithResolvers<void>,
  ): Promise<void> {
    const isMeant = () => this.#leaving.get(partition) === promise;
    await idle;
    if (isMeant()) await this.#giveUp([partition]);
    if (isMeant()) this.#leaving.delete(partition);
    resolve();
  }

  async #handedOver(): Promise<void> {
    await this.#unlessDown(Promise.allSettled(this.#leaving.values()).then(() => {}));
  }

  async #claim(partitions: readonly number[]): Promise<void> {
    const { commit, clock } = this.#deps;
    const data = encode({ holder: this.#me, since: clock.now() });
    const results = await Promise.allSettled(
      partitions.map((p) =>
        commit.commit([{ subject: this.#partitionSubject(p), data, expect: this.#roll.revisionOf(p) }]),
      ),
    );
    const won: number[] = [];
    const unknown: number[] = [];
    for (const [i, p] of partitions.entries()) {
      const result = results[i];
      if (result?.status === "rejected" && result.reason instanceof Conflict) unknown.push(p);
      if (result?.status !== "fulfilled") continue;
      won.push(p);
      this.#mine.add(p);
      // Known before the tail tells: whoever gives it up at once must name this record, and no later one.
      this.#roll.learn(p, this.#me, result.value);
    }
    if (won.length > 0) await this.#won(won);
    await Promise.all(unknown.map((p) => this.#lookUp(p)));
  }

  async #won(won: readonly number[]): Promise<void> {
    const { hooks, log, partitions, pool } = this.#deps;
    if (!this.mayStart()) return this.#giveUp(won); // the write took longer than the lease allows
    log.info({ partitions: won.length, of: partitions, pool }, "partitions claimed");
    hooks.gained(won);
  }

  /** What we know is not so, and nobody tells of a record that has gone in silence: the leader knows. */
  async #lookUp(partition: number): Promise<void> {
    const record = await lastOnSubject(this.#deps.link, OWN_STREAM, this.#partitionSubject(partition));
    if (record) this.#roll.hear(record, this.#deps.clock.monotonic());
    else this.#roll.forget(partition);
  }

  /** By compare-and-set: what another member holds by now stays that member's. */
  async #giveUp(partitions: readonly number[]): Promise<void> {
    for (const p of partitions) this.#mine.delete(p);
    const data = encode({});
    await Promise.allSettled(
      partitions.map(async (p) => {
        if (this.#roll.holderOf(p) !== this.#me) return;
        const subject = this.#partitionSubject(p);
        const entry = { subject, data, ttl: FREE_TTL, expect: this.#roll.revisionOf(p) };
        this.#roll.learn(p, undefined, await this.#deps.commit.commit([entry], 5_000));
      }),
    );
  }
}
