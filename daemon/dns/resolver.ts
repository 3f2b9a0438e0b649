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
import { failed, type Kept, longest, lookUp } from "./lookup.ts";
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
  readonly cacheEntries?: number;
}

/** `randomInt` draws from the system's generator: ids and letter case must not be guessable. */
const secureChance: Chance = () => randomInt(2 ** 32) / 2 ** 32;

interface Lookup<T> {
  readonly kept: Kept<T>;
  /** By the clock's `monotonic`. */
  readonly until: number;
}

export class Resolver implements Dns, AsyncDisposable {
  readonly #options: Required<ResolverOptions>;
  readonly #cache: TtlCache<Kept<Data[QueryType]>>;
  readonly #inFlight = new Map<string, Promise<Lookup<Data[QueryType]>>>();
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
      cacheEntries: 50_000,
    };
    this.#options = { ...defaults, ...options };
    this.#servers = options.servers;
    this.#cache = new TtlCache(this.#options.cacheEntries);
    this.#gate = new Gate(this.#options.maxInFlight);
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
    await Promise.allSettled(this.#inFlight.values());
    this.#cache.clear();
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
      : await abandonable(this.#shared(key, name, type), signal);
    // The cache holds each type's data under that type's key.
    return withTtl(answer as Kept<Data[T]>, until - this.#options.clock.monotonic());
  }

  #shared(key: string, name: string, type: QueryType): Promise<Lookup<Data[QueryType]>> {
    const running = this.#inFlight.get(key);
    if (running) return running;
    const lookup = this.#lookUp(name, type).then((done) => {
      this.#inFlight.delete(key);
      this.#cache.set(key, done.kept, done.until, this.#options.clock.monotonic());
      return done;
    });
    this.#inFlight.set(key, lookup);
    return lookup;
  }

  /** Never rejects: whatever goes wrong is an answer. */
  async #lookUp<T extends QueryType>(name: string, type: T): Promise<Lookup<Data[T]>> {
    const means = { ...this.#options, servers: this.#servers };
    const lookup = await this.#gate
      .enter(this.#closing.signal)
      .then(async (place) => {
        using _ = place;
        return await lookUp(name, type, means, this.#closing.signal);
      })
      .catch((error: unknown) => failed(error instanceof Error ? error.message : String(error)));
    if (lookup.server) this.#prefer(lookup.server);
    return { kept: lookup.kept, until: this.#options.clock.monotonic() + lookup.keepMs };
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
