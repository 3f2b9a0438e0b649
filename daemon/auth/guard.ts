/**
 * Makes guessing slow and then useless: counts failed logins by account and by network, whether or not the account
 * exists, and says how long the next try waits and whether it is heard at all.
 *
 * Delay:    grows with each failure beyond the few that people need to mistype.
 * Lock-out: after many failures every try is answered as a wrong password, the right one too, until the failures are
 *           forgotten. Tries in a lock-out do not count, so that nobody can keep an account locked for ever. A network
 *           from which the account logged in lately is not subject to the account's count: strangers who guess do not
 *           lock the owner out.
 * Shared:   what happens here goes to `tell`, what happens in other pods comes by `hear`. Names and networks are keyed
 *           digests there: people type passwords into the wrong field.
 * Memory:   bounded; the longest ago leaves first.
 */
import { createHmac } from "node:crypto";

/** Digests that stand for an account's name and a client's network. */
export interface Place {
  readonly account: string;
  readonly network: string;
}

export interface LoginEvent extends Place {
  readonly kind: "failed" | "entered";
  /** ms since the epoch */
  readonly at: number;
}

export interface GuardLimits {
  /** Failures that cost nothing: people mistype. */
  readonly free: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Failures until nothing is heard any more. */
  readonly lockNetwork: number;
  readonly lockAccount: number;
  /** Failures are forgotten this long after the last one. */
  readonly forgetMs: number;
  /** A network is an account's own this long after a login. */
  readonly ownMs: number;
  readonly remembered: number;
}

const defaultGuardLimits: GuardLimits = Object.freeze({
  free: 2,
  firstDelayMs: 500,
  longestDelayMs: 16_000,
  lockNetwork: 30,
  lockAccount: 20,
  forgetMs: 15 * 60_000,
  ownMs: 24 * 3_600_000,
  remembered: 50_000,
});

interface Count {
  readonly failures: number;
  readonly at: number;
}

export class Guard {
  readonly #limits: GuardLimits;
  readonly #key: Buffer;
  readonly #now: () => number;
  readonly #networks = new Map<string, Count>();
  readonly #accounts = new Map<string, Count>();
  /** By account and network: when somebody entered last. */
  readonly #own = new Map<string, number>();
  /** Where events of this process go. */
  tell: (event: LoginEvent) => void = () => {};

  /** `key`: the same in every pod. `now`: ms since the epoch. */
  constructor(key: Buffer, now: () => number, limits: Partial<GuardLimits> = {}) {
    this.#key = key;
    this.#now = now;
    this.#limits = { ...defaultGuardLimits, ...limits };
  }

  place(name: string, network: string): Place {
    return {
      account: this.#digest(`name ${name.toLowerCase()}`),
      network: this.#digest(`network ${network}`),
    };
  }

  /** How long the next try waits, ms. */
  delayMs({ account, network }: Place): number {
    const fromNetwork = this.#delay(this.#failures(this.#networks, network));
    if (this.#isOwn(account, network)) return fromNetwork;
    return Math.max(fromNetwork, this.#delay(this.#failures(this.#accounts, account)));
  }

  locked({ account, network }: Place): boolean {
    if (this.#failures(this.#networks, network) >= this.#limits.lockNetwork) return true;
    if (this.#isOwn(account, network)) return false;
    return this.#failures(this.#accounts, account) >= this.#limits.lockAccount;
  }

  /** True when this failure begins a lock-out. */
  failed(place: Place): boolean {
    const event: LoginEvent = { kind: "failed", ...place, at: this.#now() };
    this.hear(event);
    this.tell(event);
    return this.locked(place);
  }

  entered(place: Place): void {
    const at = this.#now();
    const before = this.#own.get(`${place.account} ${place.network}`);
    // Others are told now and then, not of each of a client's connections.
    if (before !== undefined && at - before < this.#limits.ownMs / 4) return;
    const event: LoginEvent = { kind: "entered", ...place, at };
    this.hear(event);
    this.tell(event);
  }

  hear({ kind, account, network, at }: LoginEvent): void {
    // A clock that is ahead must not make failures last longer than they do.
    const when = Math.min(at, this.#now());
    if (kind === "entered") return this.#put(this.#own, `${account} ${network}`, when);
    this.#count(this.#networks, network, when);
    this.#count(this.#accounts, account, when);
  }

  #delay(failures: number): number {
    const { free, firstDelayMs, longestDelayMs } = this.#limits;
    const beyond = failures - free;
    return beyond <= 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(beyond - 1, 30));
  }

  #failures(counts: ReadonlyMap<string, Count>, key: string): number {
    const known = counts.get(key);
    return known && this.#now() - known.at < this.#limits.forgetMs ? known.failures : 0;
  }

  #isOwn(account: string, network: string): boolean {
    const at = this.#own.get(`${account} ${network}`);
    return at !== undefined && this.#now() - at < this.#limits.ownMs;
  }

  #count(counts: Map<string, Count>, key: string, at: number): void {
    const known = counts.get(key);
    const goesOn = known !== undefined && at - known.at < this.#limits.forgetMs;
    const failures = goesOn ? known.failures + 1 : 1;
    this.#put(counts, key, { failures, at: goesOn ? Math.max(known.at, at) : at });
  }

  #put<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    if (map.size <= this.#limits.remembered) return;
    const [eldest] = map.keys();
    if (eldest !== undefined) map.delete(eldest);
  }

  #digest(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64url").slice(0, 16);
  }
}
