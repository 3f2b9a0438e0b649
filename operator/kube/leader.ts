/**
 * Leader election by a Lease: of several processes at most one acts.
 *
 * Spec:   coordination.k8s.io/v1 Lease, as client-go's leaderelection writes it: 15 s valid, given up after 10 s without
 *         a renewal, tried every 2 s. Times carry six digits, else the API server refuses them.
 *
 * Nobody's wall clock is trusted. A candidate measures, on its own monotonic clock, how long a record has not changed. A
 * leader fences itself: once 10 s have passed since the beginning of its last good renewal, `assert` throws and the
 * term's signal aborts, 5 s before anybody else may take over. A process that was frozen wakes up fenced, because its
 * monotonic clock went on; give `term.assert` to `KubeClient.guarded`, which asks it on the open connection.
 *
 * On a stop the term's signal aborts, the act ends while renewals go on, and then the lease is released: the next leader
 * takes it at its next look.
 */
import type { Chance, Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { kinds } from "./kinds.ts";
import { type Lease, type LeaseSpec, leaseTiming, microTime, type Timing } from "./lease.ts";
import type { KubeObject } from "./object.ts";
import { type Kube, KubeError } from "./port.ts";

export interface ElectionOptions {
  readonly kube: Kube;
  readonly namespace: string;
  readonly name: string;
  /** Another one for each life of a process. */
  readonly identity: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly timing?: Timing;
  readonly onChange?: (leading: boolean) => void;
}

export interface Term {
  /** Aborts when the lease may be lost, or when we are asked to stop. */
  readonly signal: AbortSignal;
  /** Throws `NotLeader` unless we may act at this very moment. */
  readonly assert: () => void;
}

/** Somebody else may be leading. */
export class NotLeader extends Error {
  override readonly name = "NotLeader";
}

/** A second call must have time before the deadline. */
const CALL_MS = 4_000;
const RELEASES = 3;

export class Election {
  readonly #options: ElectionOptions;
  readonly #timing: Timing;
  readonly #log: Log;
  /** The record as we last saw it, and when we saw it change. */
  #observed: { readonly version: string; readonly at: number } | undefined;
  /** Of the record as we wrote it last; `undefined`: it has to be read first. */
  #version: string | undefined;
  #holder: string | undefined;
  #transitions = 0;
  #acquired = "";
  /** When the last good renewal began. `undefined`: we do not lead. */
  #renewedAt: number | undefined;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? leaseTiming;
    this.#log = options.log.child({
      lease: `${options.namespace}/${options.name}`,
      identity: options.identity,
    });
  }

  get isLeader(): boolean {
    return this.#left() > 0;
  }

  /** Whoever leads, as far as we have heard. */
  get holder(): string | undefined {
    return this.#holder;
  }

  /**
   * Waits to become leader, acts, and ends with the act: `released` after a stop (or when the act ended by itself),
   * `lost` when the lease was. Rejects with what the act threw; the lease is released then, too.
   */
  async run(stop: AbortSignal, act: (term: Term) => Promise<void>): Promise<"released" | "lost"> {
    if (!(await this.#acquire(stop))) return "released";
    this.#log.info({}, "leading");
    this.#options.onChange?.(true);
    const term = new AbortController();
    const onStop = () => term.abort(stop.reason);
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { once: true });
    const over = new AbortController();
    const keeping = this.#keep(over.signal, term);
    try {
      await act({ signal: term.signal, assert: () => this.#assert(term.signal) });
    } finally {
      over.abort();
      await keeping;
      stop.removeEventListener("abort", onStop);
      await this.#release();
      this.#options.onChange?.(false);
    }
    return term.signal.reason instanceof NotLeader ? "lost" : "released";
  }

  /** How long we may still act. */
  #left(): number {
    if (this.#renewedAt === undefined) return 0;
    return this.#renewedAt + this.#timing.renewDeadlineMs - this.#options.clock.monotonic();
  }

  #assert(term: AbortSignal): void {
    // A call that was begun in a lost term is not saved by the next one.
    if (term.reason instanceof NotLeader) throw term.reason;
    if (this.#left() <= 0)
      throw new NotLeader("the lease was not renewed in time: somebody else may be leading");
  }

  async #acquire(stop: AbortSignal): Promise<boolean> {
    const { clock, chance } = this.#options;
    while (!stop.aborted) {
      try {
        if (await this.#tryAcquire(stop)) return true;
      } catch (error) {
        if (!stop.aborted) this.#log.warn({ error: String(error) }, "the lease cannot be read or taken");
      }
      const spread = this.#timing.retryMs * (0.8 + 0.4 * chance());
      const expires = this.#observed && this.#observed.at + this.#timing.leaseMs - clock.monotonic();
      // Not later than the moment at which it may be taken.
      const waitMs = expires !== undefined && expires > 0 ? Math.min(spread, expires + 1) : spread;
      await clock.sleep(waitMs, stop).catch(() => {});
    }
    return false;
  }

  async #tryAcquire(stop: AbortSignal): Promise<boolean> {
    const { kube, clock, identity } = this.#options;
    const begin = clock.monotonic();
    const taken = await this.#within(stop, async (signal) => {
      const lease = await this.#read(signal);
      if (lease !== undefined && !this.#mayTake(lease)) return false;
      this.#transitions = lease === undefined ? 0 : (lease.spec?.leaseTransitions ?? 0) + 1;
      this.#acquired = microTime(clock.now());
      if (lease !== undefined) await this.#write(this.#held(), versionOf(lease), signal);
      else this.#version = versionOf(await kube.create(this.#lease(this.#held()), signal));
      return true;
    }).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 409) return false; // somebody was quicker
      throw error;
    });
    if (!taken) return false;
    this.#holder = identity;
    this.#renewedAt = begin;
    return true;
  }

  /** Calls that have a time limit, so that a second try has time before the deadline. */
  async #within<T>(over: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const done = new AbortController();
    this.#options.clock.sleep(CALL_MS, done.signal).then(
      () => limit.abort(new Error(`no answer within ${CALL_MS / 1_000} s`)),
      () => {},
    );
    try {
      return await run(AbortSignal.any([over, limit.signal]));
    } finally {
      done.abort();
    }
  }

  #mayTake({ spec, metadata }: Lease): boolean {
    const now = this.#options.clock.monotonic();
    const version = metadata.resourceVersion ?? "";
    if (this.#observed?.version !== version) this.#observed = { version, at: now };
    this.#holder = spec?.holderIdentity || undefined;
    // Ours: an answer to us was lost, not the lease.
    if (this.#holder === undefined || this.#holder === this.#options.identity) return true;
    const validMs = Math.max(this.#timing.leaseMs, (spec?.leaseDurationSeconds ?? 0) * 1_000);
    return now - this.#observed.at >= validMs;
  }

  /** Renews until told that it is over, and ends the term when the lease may be lost. */
  async #keep(over: AbortSignal, term: AbortController): Promise<void> {
    const { clock } = this.#options;
    const lose = (why: string) => {
      if (this.#renewedAt === undefined) return;
      this.#renewedAt = undefined;
      this.#log.error({ why }, "the lease is lost; nothing more is done");
      term.abort(new NotLeader(why));
    };
    const fence = this.#fence(over, lose);
    let waitMs = this.#timing.retryMs;
    while (!over.aborted && this.#renewedAt !== undefined) {
      await clock.sleep(waitMs, over).catch(() => {});
      if (over.aborted || this.#renewedAt === undefined) break;
      // Many tries fit in before the deadline when calls fail quickly, as they do with an overloaded server.
      waitMs = (await this.#renew(over, lose)) ? this.#timing.retryMs : this.#timing.retryMs / 4;
    }
    await fence;
  }

  async #fence(over: AbortSignal, lose: (why: string) => void): Promise<void> {
    while (!over.aborted && this.#renewedAt !== undefined) {
      const left = this.#left();
      if (left <= 0) return lose("it was not renewed in time");
      await this.#options.clock.sleep(left, over).catch(() => {});
    }
  }

  async #renew(over: AbortSignal, lose: (why: string) => void): Promise<boolean> {
    const { clock, identity } = this.#options;
    const begin = clock.monotonic();
    try {
      await this.#within(over, async (signal) => {
        if (this.#version === undefined) {
          const lease = await this.#read(signal);
          const holder = lease?.spec?.holderIdentity;
          if (holder !== identity) return lose(`it is held by ${holder || "nobody"}`);
          this.#version = lease && versionOf(lease);
        }
        await this.#write(this.#held(), this.#version, signal);
        // Not if it was lost meanwhile: a term does not rise again.
        if (this.#renewedAt !== undefined) this.#renewedAt = begin;
      });
      return true;
    } catch (error) {
      // Somebody has written it: perhaps we ourselves, and the answer was lost.
      if (error instanceof KubeError && (error.status === 409 || error.status === 404))
        this.#version = undefined;
      if (!over.aborted)
        this.#log.warn({ error: String(error) }, "the lease was not renewed; it is tried again");
      return false;
    }
  }

  async #release(): Promise<void> {
    if (this.#renewedAt === undefined) return;
    const until = this.#renewedAt + this.#timing.renewDeadlineMs;
    // Before anybody may see it free, also when its answer is lost.
    this.#renewedAt = undefined;
    for (let tries = 1; this.#options.clock.monotonic() < until; tries++)
      try {
        await this.#within(new AbortController().signal, (signal) => this.#free(signal));
        break;
      } catch (error) {
        const { retryMs } = this.#timing;
        this.#log.warn({ error: String(error) }, "the lease could not be released");
        if (tries === RELEASES) break; // it ends by itself
        await this.#options.clock.sleep(retryMs / 10);
      }
  }

  async #free(signal: AbortSignal): Promise<void> {
    const lease = await this.#read(signal);
    if (lease?.spec?.holderIdentity !== this.#options.identity) return;
    const free = { ...this.#held(), holderIdentity: "", leaseDurationSeconds: 1 };
    await this.#write(free, versionOf(lease), signal);
    this.#log.info({}, "the lease is released");
  }

  #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { kube, namespace, name } = this.#options;
    return kube.get<Lease>(kinds.Lease, namespace, name, signal);
  }

  #held(): LeaseSpec {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#timing.leaseMs / 1_000),
      acquireTime: this.#acquired,
      renewTime: microTime(this.#options.clock.now()),
      leaseTransitions: this.#transitions,
    };
  }

  #lease(spec: LeaseSpec): Lease {
    const { namespace, name } = this.#options;
    const { apiVersion, kind } = kinds.Lease;
    return { apiVersion, kind, metadata: { namespace, name }, spec };
  }

  /** Only over the record of this version. */
  async #write(spec: LeaseSpec, resourceVersion: string | undefined, signal: AbortSignal): Promise<void> {
    const { kube, namespace, name } = this.#options;
    const patch = { metadata: { resourceVersion }, spec };
    this.#version = versionOf(await kube.patch(kinds.Lease, namespace, name, patch, signal));
  }
}

const versionOf = ({ metadata }: KubeObject): string | undefined => metadata.resourceVersion;
