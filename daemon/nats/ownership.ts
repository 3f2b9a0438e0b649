/**
 * Ownership of partitions on the stream `OWN`: one liveness record a member, one owner record a partition.
 *
 * A member's record has a TTL of 30 s and is renewed every 5 s by compare-and-set; when the server lets it expire, the
 * others may claim what that member held. (A lease per partition would cost a write each every 5 s; this costs one per
 * process.) A member that could not renew for 20 s starts nothing new; one whose record expired has lost everything and
 * joins again under a new name. So what two processes may both be doing is bounded to attempts that began before the
 * fence, and their settlement is decided by compare-and-set on the job.
 *
 * Subjects: `own.<pool>.m.<member>` and `own.<pool>.p.<partition>`, where a pool is `<namespace>.<class>-<policy>`.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { type Holding, moves } from "../queue/ownership.ts";
import type { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

export interface OwnershipTimes {
  readonly ttlMs: number;
  readonly renewMs: number;
  /** How long before the lease's end nothing new is started, ms. */
  readonly fenceMs: number;
}
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

export interface OwnershipDeps {
  readonly link: Link;
  readonly commit: Pick<GroupCommit, "commit">;
  readonly pool: string;
  readonly partitions: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly times: OwnershipTimes;
  readonly hooks: OwnershipHooks;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value));
const NOTHING = new Uint8Array();

export class PartitionOwnership implements AsyncDisposable {
  readonly #deps: OwnershipDeps;
  #me = newMember();
  #myRevision = 0;
  /** Monotonic ms at which the last successful renewal was begun. */
  #renewedAt = 0;
  readonly #live = new Set<string>();
  /** Members that said so: they are not waited for to take anything. */
  readonly #leavers = new Set<string>();
  readonly #holders = new Map<number, { holder: string | undefined; revision: number }>();
  readonly #mine = new Set<number>();
  /** On their way to somebody else: given up when the attempts on them have ended. */
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
    const { clock, times, link } = this.#deps;
    if (this.#stopping || !link.isUp()) return false;
    return clock.monotonic() - this.#renewedAt < times.ttlMs - times.fenceMs;
  }

  /** Gives everything to the others and leaves. Without a connection that is left to the lease, which runs out by itself. */
  async release(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    // Others are told, so that they take at once what becomes free.
    if (this.#mine.size > 0) this.#queue(() => this.#lease(this.#myRevision));
    await this.#unlessDown(this.#work);
    this.#handOver([...this.#mine]);
    await this.#handedOver();
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#unlessDown(this.#work);
    if (!this.#deps.link.isUp()) return;
    const gone = { subject: this.#memberSubject(), data: NOTHING, ttl: "1s", expect: this.#myRevision };
    await this.#deps.commit.commit([gone], 5_000).catch(() => {});
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

  #memberSubject(): string {
    return `own.${this.#deps.pool}.m.${this.#me}`;
  }

  #partitionSubject(partition: number): string {
    return `own.${this.#deps.pool}.p.${partition}`;
  }

  async #join(): Promise<void> {
    await this.#lease(0);
    this.#live.add(this.#me);
  }

  /** Writes the liveness record; the lease counts from before the write, so that it never ends later than we think. */
  async #lease(expect: number): Promise<void> {
    const { commit, clock, times } = this.#deps;
    const began = clock.monotonic();
    const data = encode({ since: clock.now(), ...(this.#stopping ? { leaving: true } : {}) });
    const ttl = `${Math.max(1, Math.round(times.ttlMs / 1_000))}s`;
    const entry = { subject: this.#memberSubject(), data, ttl, expect };
    this.#myRevision = await commit.commit([entry], times.renewMs);
    this.#renewedAt = began;
  }

  async #renew(): Promise<void> {
    const { clock, times, log } = this.#deps;
    try {
      await this.#lease(this.#myRevision);
    } catch (error) {
      const expired = clock.monotonic() - this.#renewedAt > times.ttlMs;
      const lost = expired || (error instanceof Conflict && !(await this.#isStillMine()));
      if (!lost) return void log.warn({ err: error }, "the lease could not be renewed yet");
      await this.#rejoin();
    }
    this.#plan();
  }

  /**
   * A renewal that was given up may have been stored all the same, and then stands in the way of the next: the record is
   * ours as long as it is there, since nobody else writes under our name. The next renewal names it.
   */
  async #isStillMine(): Promise<boolean> {
    const { link, times } = this.#deps;
    const found = await lastOnSubject(link, OWN_STREAM, this.#memberSubject(), times.renewMs).catch(
      () => undefined,
    );
    if (!found || found.forged || found.data.length === 0) return false;
    this.#myRevision = found.sequence;
    return true;
  }

  async #rejoin(): Promise<void> {
    this.#deps.log.warn({ partitions: this.#mine.size }, "the lease ran out; joining again under a new name");
    const held = [...this.#mine];
    this.#mine.clear();
    this.#leaving.clear();
    if (held.length > 0) this.#deps.hooks.lost(held);
    this.#live.delete(this.#me);
    this.#me = newMember();
    await this.#join().catch((error: unknown) => this.#deps.log.warn({ err: error }, "cannot join yet"));
  }

  #hear(message: TailMessage): void {
    const [kind, name] = message.subject.split(".").slice(-2);
    const gone = message.data.length === 0;
    if (message.forged) return this.#hearForged(kind, Number(name), message);
    if (kind === "m" && name) {
      this.#hearMember(name, message.data);
    } else if (kind === "p" && name) {
      const record = gone
        ? undefined
        : (JSON.parse(Buffer.from(message.data).toString()) as { holder?: string });
      this.#learn(Number(name), record?.holder, message.sequence);
    }
    if (message.pending === 0 && this.#tail) this.#plan();
  }

  #hearMember(name: string, data: Uint8Array): void {
    this.#leavers.delete(name);
    if (data.length === 0) return void this.#live.delete(name);
    this.#live.add(name);
    const { leaving } = JSON.parse(Buffer.from(data).toString()) as { readonly leaving?: true };
    if (leaving) this.#leavers.add(name);
  }

  /** Who holds the partition is what was known before; only its record has another revision now. */
  #hearForged(kind: string | undefined, partition: number, { subject, sequence }: TailMessage): void {
    this.#deps.log.error(
      { subject },
      "a record of a lease was written by somebody who may not: it is not believed",
    );
    if (kind === "p") this.#learn(partition, this.#holders.get(partition)?.holder, sequence);
  }

  #learn(partition: number, holder: string | undefined, revision: number): void {
    if ((this.#holders.get(partition)?.revision ?? 0) > revision) return;
    this.#holders.set(partition, { holder, revision });
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
    if (!this.mayStart() || !this.#live.has(this.#me)) return;
    const holdings: Holding[] = [];
    for (let partition = 0; partition < partitions; partition++)
      holdings.push({ partition, holder: this.#holders.get(partition)?.holder });
    const { claim, release } = moves(this.#me, this.#live, holdings, this.#leavers);
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
      const left = (async () => {
        await idle[i];
        await this.#giveUp([partition]);
      })();
      this.#leaving.set(
        partition,
        left.finally(() => this.#leaving.delete(partition)),
      );
    }
  }

  async #handedOver(): Promise<void> {
    await this.#unlessDown(Promise.allSettled(this.#leaving.values()).then(() => {}));
  }

  async #claim(partitions: readonly number[]): Promise<void> {
    const { commit, clock, hooks, log } = this.#deps;
    const data = encode({ holder: this.#me, since: clock.now() });
    const results = await Promise.allSettled(
      partitions.map((p) =>
        commit.commit([
          { subject: this.#partitionSubject(p), data, expect: this.#holders.get(p)?.revision ?? 0 },
        ]),
      ),
    );
    const won: number[] = [];
    for (const [i, p] of partitions.entries()) {
      const result = results[i];
      if (result?.status !== "fulfilled") continue;
      won.push(p);
      this.#mine.add(p);
      // Known before the tail tells: whoever gives it up at once must name this record, and no later one.
      this.#learn(p, this.#me, result.value);
    }
    if (won.length === 0) return;
    if (!this.mayStart()) return this.#giveUp(won); // the write took longer than the lease allows
    log.info(
      { partitions: won.length, of: this.#deps.partitions, pool: this.#deps.pool },
      "partitions claimed",
    );
    hooks.gained(won);
  }

  /** By compare-and-set: what another member holds by now stays that member's. */
  async #giveUp(partitions: readonly number[]): Promise<void> {
    for (const p of partitions) this.#mine.delete(p);
    const data = encode({});
    await Promise.allSettled(
      partitions.map(async (p) => {
        const known = this.#holders.get(p);
        if (known?.holder !== this.#me) return;
        const subject = this.#partitionSubject(p);
        this.#learn(
          p,
          undefined,
          await this.#deps.commit.commit([{ subject, data, expect: known.revision }], 5_000),
        );
      }),
    );
  }
}

const newMember = () => randomBytes(9).toString("base64url");
