/**
 * Routes that are known already: a destination is routed once, until its DNS answers end or the directory changes.
 *
 * In:     jobs. Names of ours and the DNS are asked only when nothing is known.
 * Out:    the route; `known` answers from memory, for the many messages of one destination.
 * Fails:  `find` rejects only with the signal's reason.
 */
import type { LiveDirectory } from "../../directory/directory.ts";
import type { Clock } from "../../kit/clock.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import type { Tlsa } from "../../mail/tlsa.ts";
import type { MxMeans } from "./mx.ts";
import { type Routable, route } from "./route.ts";
import type { Route } from "./types.ts";

export interface RoutesOptions extends MxMeans {
  readonly directory: LiveDirectory;
  readonly clock: Clock;
  /** Destinations that are remembered. */
  readonly capacity?: number;
  /** About so much memory: whoever has a domain decides how many hosts, addresses and TLSA records it has. */
  readonly octets?: number;
}

export class Routes {
  readonly #options: RoutesOptions;
  readonly #cache: TtlCache<Route>;
  #revision: number;

  constructor(options: RoutesOptions) {
    this.#options = options;
    const { capacity = 50_000, octets = 64 << 20 } = options;
    this.#cache = new TtlCache(capacity, { most: octets, of: (key, route) => key.length + weightOf(route) });
    this.#revision = options.directory.current().revision;
  }

  known(job: Routable): Route | undefined {
    const { revision } = this.#options.directory.current();
    if (revision !== this.#revision) {
      this.#cache.clear();
      this.#revision = revision;
      return undefined;
    }
    return this.#cache.get(keyOf(job), this.#options.clock.monotonic())?.value;
  }

  async find(job: Routable, signal: AbortSignal): Promise<Route> {
    const known = this.known(job);
    if (known) return known;
    const directory = this.#options.directory.current();
    const routed = await route(job, directory, this.#options, signal);
    const now = this.#options.clock.monotonic();
    // A route made from an older directory serves this attempt and no other.
    if (directory.revision === this.#revision)
      this.#cache.set(keyOf(job), routed.route, now + routed.validMs, now);
    return routed.route;
  }
}

/** About what a route takes. */
function weightOf(route: Route): number {
  if (route.kind !== "smtp" && route.kind !== "lmtp") return 500;
  const records = new Set<Tlsa>();
  let weight = 500;
  for (const { host, security } of route.next.candidates) {
    weight += 150 + host.length;
    if (security?.kind === "dane") for (const record of security.records) records.add(record);
  }
  for (const { data } of records) weight += 200 + data.length;
  return weight;
}

const keyOf = ({ class: cls, destination, policy, reroute, tlsOptional }: Routable): string =>
  reroute
    ? `${policy} ${destination} ${reroute.host} ${reroute.port}`
    : `${cls} ${policy} ${destination}${tlsOptional ? " ?" : ""}`;
