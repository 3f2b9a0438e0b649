/**
 * Which daemon looks after the webhooks of a namespace: the one that holds its lease, a record with a TTL that it renews by
 * compare-and-set. Where the store forgets the lease, or its holder gives it up, the others hear of it and try.
 *
 * In:     `want`: the namespaces that have hooks now.
 * Out:    `gained` and `lost`, each in turn for a namespace. A holder that could not renew in time has lost it before anybody
 *         else can have it.
 * Alone:  on a store of our own nobody else can be alive: a lease of an earlier life is taken over at once.
 * Where:  among the other leases, where nothing that a namespace leaves behind takes their room.
 * Before: a version before kept it in `HOOKS`. While somebody holds it there, nobody takes it here.
 * Spread: daemons try after a wait that follows from their name and the namespace's, so that namespaces spread over them.
 * Fails:  never; a store that is away means that leases end.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";
import { HOOK_STREAM, parseRecord } from "./webhook-records.ts";

export const leaseSubject = (namespace: string): string => `own.${namespace}.hooks.lease._`;
const formerSubject = (namespace: string): string => `hooks.${namespace}._.lease._`;

export interface LeaseTimes {
  readonly ttlMs: number;
  readonly renewMs: number;
  /** A holder that has not renewed for so long has lost it. */
  readonly fenceMs: number;
  readonly spreadMs: number;
}

const usualTimes: LeaseTimes = { ttlMs: 30_000, renewMs: 8_000, fenceMs: 20_000, spreadMs: 400 };

export interface HookLeasesOptions {
  readonly link: Link;
  readonly member: string;
  /** The only namespace that is served; absent: all. */
  readonly namespace?: string | undefined;
  readonly alone: boolean;
  readonly gained: (namespace: string) => void;
  readonly lost: (namespace: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: LeaseTimes;
}

interface Lease {
  /** Who holds it as far as we heard; `undefined`: nobody. */
  holder: string | undefined;
  revision: number;
  /** When we renewed it last, monotonic; `undefined`: it is not ours. */
  ours: number | undefined;
  /** When we heard of it last, monotonic. */
  heardAt: number;
  trying: boolean;
}

export class HookLeases implements AsyncDisposable {
  readonly #o: HookLeasesOptions;
  readonly #times: LeaseTimes;
  readonly #commit: GroupCommit;
  readonly #leases = new Map<string, Lease>();
  #wanted: ReadonlySet<string> = new Set();
  #tail: Tail | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  readonly #stop = new AbortController();

  constructor(options: HookLeasesOptions) {
    const { link, clock, log, times = usualTimes } = options;
    this.#o = options;
    this.#times = times;
    this.#commit = new GroupCommit(link, { stream: OWN_STREAM, clock, log, timeoutMs: times.fenceMs / 2 });
  }

  async start(): Promise<this> {
    const { link, log, namespace } = this.#o;
    const onMessage = (message: TailMessage) => this.#hear(message);
    const filters = [leaseSubject(namespace ?? "*")];
    this.#tail = new Tail(link, { stream: OWN_STREAM, filters, onMessage, log });
    await this.#tail.begin();
    await this.#tail.caughtUp;
    if (this.#isOver) return this;
    this.#timer = setInterval(() => this.#tick(), Math.min(this.#times.renewMs / 4, 1_000));
    this.#tryAll();
    return this;
  }

  want(namespaces: ReadonlySet<string>): void {
    this.#wanted = namespaces;
    if (this.#timer !== undefined) this.#tryAll();
    for (const [namespace, lease] of this.#leases)
      if (!namespaces.has(namespace) && lease.ours !== undefined) void this.#giveUp(namespace, lease);
  }

  #of(namespace: string): Lease {
    const lease = this.#leases.get(namespace) ?? {
      holder: undefined,
      revision: 0,
      ours: undefined,
      heardAt: this.#o.clock.monotonic(),
      trying: false,
    };
    this.#leases.set(namespace, lease);
    return lease;
  }

  #hear({ subject, sequence, data, marker }: TailMessage): void {
    const [, namespace = ""] = subject.split(".");
    const lease = this.#of(namespace);
    if (sequence < lease.revision) return;
    const isOwn = sequence === lease.revision && lease.ours !== undefined;
    lease.revision = sequence;
    lease.heardAt = this.#o.clock.monotonic();
    lease.holder = data.length === 0 || marker ? undefined : parseRecord<{ by: string }>(data)?.by;
    if (!isOwn && lease.ours !== undefined && lease.holder !== this.#o.member) this.#lose(namespace, lease);
    if (lease.holder === undefined) void this.#try(namespace);
  }

  #tryAll(): void {
    for (const namespace of this.#wanted) void this.#try(namespace);
  }

  async #try(namespace: string): Promise<void> {
    const { member, alone, clock } = this.#o;
    const lease = this.#of(namespace);
    const isFree = lease.holder === undefined || (alone && lease.holder !== member);
    if (this.#isOver || !this.#wanted.has(namespace) || lease.ours !== undefined || lease.trying || !isFree)
      return;
    lease.trying = true;
    try {
      if (!alone) await clock.sleep(this.#waitFor(namespace), this.#stop.signal);
      if (lease.holder !== undefined && !alone) return;
      if (!alone && (await this.#isHeldAsBefore(namespace))) return; // the next tick tries again
      if (await this.#write(namespace, lease, member)) await this.#began(namespace, lease);
    } catch (error) {
      // Somebody was first, or the store is away: whatever is heard next, or the next tick, tells. Of a lease whose record
      // is no more nothing would ever be heard.
      if (error instanceof Conflict) await this.#reread(namespace, lease);
    } finally {
      lease.trying = false;
    }
  }

  /** By a daemon of the version before, which knows nothing of ours. */
  async #isHeldAsBefore(namespace: string): Promise<boolean> {
    const last = await lastOnSubject(this.#o.link, HOOK_STREAM, formerSubject(namespace));
    return last !== undefined && last.data.length > 0;
  }

  async #began(namespace: string, lease: Lease): Promise<void> {
    if (this.#isOver || !this.#wanted.has(namespace)) await this.#giveUp(namespace, lease);
    else this.#o.gained(namespace);
  }

  /** What the store has now, where we may have missed that a record went. Never rejects. */
  async #reread(namespace: string, lease: Lease): Promise<void> {
    const { link, log } = this.#o;
    const before = lease.revision;
    try {
      const last = await lastOnSubject(link, OWN_STREAM, leaseSubject(namespace));
      if (lease.revision !== before || lease.ours !== undefined) return; // we heard of it meanwhile
      lease.revision = last?.sequence ?? 0;
      lease.holder = last && last.data.length > 0 ? parseRecord<{ by: string }>(last.data)?.by : undefined;
    } catch (error) {
      log.debug({ err: error, namespace }, "the lease on a namespace's webhooks cannot be read yet");
    }
  }

  #waitFor(namespace: string): number {
    const digest = createHash("sha256").update(`${this.#o.member} ${namespace}`).digest();
    return Math.floor((digest.readUInt32BE() / 2 ** 32) * this.#times.spreadMs);
  }

  /** Ours from then on, or `Conflict`. Tells whether it was not ours before. */
  async #write(namespace: string, lease: Lease, by: string): Promise<boolean> {
    const before = this.#o.clock.monotonic();
    const subject = leaseSubject(namespace);
    const data = Buffer.from(JSON.stringify({ by }));
    const ttl = `${Math.ceil(this.#times.ttlMs / 1_000)}s`;
    const revision = await this.#commit.commit([{ subject, data, ttl, expect: lease.revision }]);
    lease.revision = Math.max(lease.revision, revision);
    lease.holder = by;
    const isNew = lease.ours === undefined;
    lease.ours = before;
    return isNew;
  }

  #tick(): void {
    const { clock, member } = this.#o;
    const { ttlMs } = this.#times;
    const now = clock.monotonic();
    for (const [namespace, lease] of this.#leases) {
      if (lease.ours === undefined) {
        // Its holder renews it, or the store forgets it: who was cut off for long may have missed both.
        const isSilent = lease.holder !== undefined && now - lease.heardAt > 2 * ttlMs;
        if (!isSilent) continue;
        lease.heardAt = now;
        void this.#reread(namespace, lease);
      } else if (now - lease.ours > this.#times.fenceMs) this.#lose(namespace, lease);
      else if (now - lease.ours > this.#times.renewMs && !lease.trying)
        void this.#renew(namespace, lease, member);
    }
    this.#tryAll();
  }

  async #renew(namespace: string, lease: Lease, member: string): Promise<void> {
    lease.trying = true;
    try {
      // It may have been lost on the way: then its work has ended, and begins again.
      if (await this.#write(namespace, lease, member)) await this.#began(namespace, lease);
    } catch (error) {
      this.#o.log.debug({ err: error, namespace }, "the lease on a namespace's webhooks was not renewed");
    } finally {
      lease.trying = false;
    }
  }

  #lose(namespace: string, lease: Lease): void {
    lease.ours = undefined;
    this.#o.log.warn(
      { namespace },
      "the lease on a namespace's webhooks is lost: another daemon looks after them",
    );
    this.#o.lost(namespace);
  }

  holds(namespace: string): boolean {
    return this.#leases.get(namespace)?.ours !== undefined;
  }

  /** Another daemon has written what only the holder writes. */
  usurped(namespace: string): void {
    const lease = this.#leases.get(namespace);
    if (lease?.ours !== undefined) this.#lose(namespace, lease);
  }

  /** Who holds it ends its work first. */
  async #giveUp(namespace: string, lease: Lease): Promise<void> {
    if (lease.ours === undefined) return;
    lease.ours = undefined;
    this.#o.lost(namespace);
    await this.#hand(namespace, lease);
  }

  async #hand(namespace: string, lease: Lease): Promise<void> {
    const subject = leaseSubject(namespace);
    const entry = { subject, data: new Uint8Array(), ttl: "600s", expect: lease.revision };
    await this.#commit.commit([entry], 3_000).catch(() => {}); // its time ends by itself
  }

  /** The work must have ended: others begin at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#stop.abort();
    clearInterval(this.#timer);
    const ours = [...this.#leases].filter(([, lease]) => lease.ours !== undefined);
    await Promise.all(ours.map(([namespace, lease]) => this.#hand(namespace, lease)));
    await this.#tail?.[Symbol.asyncDispose]();
    await this.#commit.settled();
  }
}
