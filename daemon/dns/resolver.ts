/**
 * The resolver: a stub that asks recursive servers and remembers what they say, for as long as they say.
 *
 * In:     complete domain names; search domains are never applied.
 * Out:    `Answer`s with the time they still hold. Equal questions in flight are asked once; answers are kept by their
 *         TTL, negative ones by their SOA, failures briefly, all within bounds.
 * Fails:  rejects only with the caller's signal's reason; after disposal every new question has `failed`.
 * Spec:   RFC 1034 §5.3.1 (stub resolvers), RFC 2308 (negative caching), RFC 9520 §3.2 (failures are cached too).
 */
import { randomInt } from "node:crypto";
import type { Answer, Dns, HostAddress, Mx } from "../deliver/route/dns.ts";
import type { Chance, Clock } from "../kit/clock.ts";
import { TtlCache } from "../kit/ttl-cache.ts";
import { merge } from "./addresses.ts";
import type { Data } from "./answer.ts";
import { Gate } from "./gate.ts";
import { failed, type Kept, type LookedUp, longest, lookUp } from "./lookup.ts";
import { isLocalhost, isQueryable, plainName } from "./names.ts";
import type { Server } from "./servers.ts";
import type { QueryType } from "./wire.ts";
import { abandonable } from "./within.ts";

export interface ResolverOptions {
  readonly servers: readonly Server[];
  readonly clock: Clock;
  /** Must be unpredictable; only tests pass their own. */
  readonly chance?: Chance;
  /** How long to wait for a server in the first of `rounds` rounds; doubles each round. */
  readonly timeoutMs?: number;
  readonly rounds?: number;
  /** Questions (and sockets) open at once; more wait their turn. */
  readonly maxInFlight?: number;
  /** So many more that have waited for an answer for `patienceMs`. */
  readonly maxSlow?: number;
  readonly patienceMs?: number;
  readonly cacheEntries?: number;
  /** About so much memory; whoever has a name decides how large its answers are. */
  readonly cacheOctets?: number;
}

/** About what an answer takes in memory: an entry, its names, and each record. */
function weightOf(key: string, answer: Kept<Data[QueryType]>): number {
  const records = answer.kind === "found" ? answer.records : [];
  return records.reduce((sum, record) => sum + octetsOf(record), 300 + key.length);
}

function octetsOf(record: Data[QueryType]): number {
  if (typeof record === "string") return 50 + record.length;
  if ("data" in record) return 200 + record.data.length;
  return 150 + ("host" in record ? record.host.length : 0);
}

/** `randomInt` draws from the system's generator: ids and letter case must not be guessable. */
const secureChance: Chance = () => randomInt(2 ** 32) / 2 ** 32;

interface Lookup<T> {
  readonly kept: Kept<T>;
  /** By the clock's `monotonic`. */
  readonly until: number;
}

/** A look-up that several may wait for. */
interface Running {
  /** `undefined`: it was taken out of the line, since nobody waited for it. */
  readonly done: Promise<Lookup<Data[QueryType]> | undefined>;
  readonly line: AbortController;
  askers: number;
}

/** So long, and so many, are remembered that let us wait in vain. */
const SILENT_MS = 3_600_000;
const MANY_SILENT = 20_000;
const unwanted = new Error("nobody waits for it any more");

export class Resolver implements Dns, AsyncDisposable {
  readonly #options: Required<ResolverOptions>;
  readonly #cache: TtlCache<Kept<Data[QueryType]>>;
  readonly #inFlight = new Map<string, Running>();
  /** Names that had no answer lately, after waiting for one. */
  readonly #silent = new TtlCache<true>(MANY_SILENT);
  readonly #gate: Gate;
  readonly #closing = new AbortController();
  /** The server that answered last goes first. */
  #servers: readonly Server[];

  constructor(options: ResolverOptions) {
    const defaults = {
      chance: secureChance,
      timeoutMs: 1_500,
      rounds: 3,
      maxInFlight: 128,
      maxSlow: 128,
      patienceMs: 500,
      cacheEntries: 50_000,
      cacheOctets: 64 << 20,
    };
    this.#options = { ...defaults, ...options };
    this.#servers = options.servers;
    const { cacheEntries, cacheOctets } = this.#options;
    this.#cache = new TtlCache(cacheEntries, { most: cacheOctets, of: weightOf });
    const { maxInFlight: quick, maxSlow: slow, patienceMs, clock } = this.#options;
    this.#gate = new Gate({ quick, slow, patienceMs, clock });
  }

  mx(domain: string, signal: AbortSignal): Promise<Answer<Mx>> {
    return this.records(domain, "MX", signal);
  }

  txt(name: string, signal: AbortSignal): Promise<Answer<string>> {
    return this.records(name, "TXT", signal);
  }

  async addresses(host: string, signal: AbortSignal): Promise<Answer<HostAddress>> {
    if (isLocalhost(plainName(host))) return loopback;
    const [six, four] = await Promise.all([
      this.records(host, "AAAA", signal),
      this.records(host, "A", signal),
    ]);
    return merge(six, four);
  }

  /** Ends what is in flight; those who wait for it hear `failed`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the resolver is closed"));
    await Promise.all([...this.#inFlight.values()].map(({ done }) => done));
    this.#cache.clear();
    this.#silent.clear();
  }

  /** Records of one type, whatever they are for. */
  async records<T extends QueryType>(
    asGiven: string,
    type: T,
    signal: AbortSignal,
  ): Promise<Answer<Data[T]>> {
    signal.throwIfAborted();
    const name = plainName(asGiven);
    // A name that cannot be asked for cannot exist either; localhost has addresses and nothing else.
    if (!isQueryable(name)) return { kind: "nxdomain", ttlMs: longest };
    if (isLocalhost(name)) return { kind: "none", ttlMs: longest };
    const key = `${type} ${name}`;
    const now = this.#options.clock.monotonic();
    const kept = this.#cache.get(key, now);
    const { kept: answer, until } = kept
      ? { kept: kept.value, until: kept.until }
      : await this.#shared(key, name, type, signal);
    // The cache holds each type's data under that type's key.
    return withTtl(answer as Kept<Data[T]>, until - this.#options.clock.monotonic());
  }

  /** Whoever is the last to give up takes the look-up out of the line; what is asked already goes on, to be remembered. */
  async #shared(
    key: string,
    name: string,
    type: QueryType,
    signal: AbortSignal,
  ): Promise<Lookup<Data[QueryType]>> {
    for (;;) {
      const running = this.#inFlight.get(key) ?? this.#begin(key, name, type);
      running.askers++;
      try {
        const done = await abandonable(running.done, signal);
        if (done) return done;
      } finally {
        if (--running.askers === 0) running.line.abort(unwanted);
      }
    }
  }

  #begin(key: string, name: string, type: QueryType): Running {
    const line = new AbortController();
    const done = this.#lookUp(name, type, line.signal).then((lookup) => {
      this.#inFlight.delete(key);
      if (lookup) this.#cache.set(key, lookup.kept, lookup.until, this.#options.clock.monotonic());
      return lookup;
    });
    const running = { done, line, askers: 0 };
    this.#inFlight.set(key, running);
    return running;
  }

  /** Never rejects: whatever goes wrong is an answer. `undefined`: it was not wanted any more. */
  async #lookUp<T extends QueryType>(
    name: string,
    type: T,
    line: AbortSignal,
  ): Promise<Lookup<Data[T]> | undefined> {
    const { clock } = this.#options;
    const signal = this.#closing.signal;
    const isSlow = this.#silent.get(name, clock.monotonic()) !== undefined;
    let began = clock.monotonic();
    const work = (stop: AbortSignal) => {
      began = clock.monotonic();
      return lookUp(name, type, { ...this.#options, servers: this.#servers }, stop);
    };
    let lookup: LookedUp<Data[T]>;
    try {
      lookup = await this.#gate.pass(work, { signal, line, isSlow });
    } catch (error) {
      if (error === unwanted) return undefined;
      lookup = failed(error instanceof Error ? error.message : String(error));
    }
    const now = clock.monotonic();
    if (lookup.server) this.#prefer(lookup.server);
    this.#learn(name, lookup.kept.kind === "failed" && now - began >= this.#options.patienceMs, now);
    return { kept: lookup.kept, until: now + lookup.keepMs };
  }

  #learn(name: string, wasSilent: boolean, now: number): void {
    if (wasSilent) this.#silent.set(name, true, now + SILENT_MS, now);
    else this.#silent.delete(name);
  }

  #prefer(server: Server): void {
    if (this.#servers[0] !== server) this.#servers = [server, ...this.#servers.filter((s) => s !== server)];
  }
}

const loopback: Answer<HostAddress> = {
  kind: "found",
  records: [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ],
  ttlMs: longest,
  authentic: true,
};

function withTtl<T>(kept: Kept<T>, left: number): Answer<T> {
  const ttlMs = Math.max(left, 0);
  switch (kept.kind) {
    case "found":
      return { ...kept, ttlMs };
    case "none":
    case "nxdomain":
      return { kind: kept.kind, ttlMs };
    case "failed":
      return kept;
  }
}
