/**
 * What the DNS says of a client: asked when somebody wants to know, once for all its sessions, within a time limit.
 *
 * In:     addresses and names; the DNS.
 * Out:    answers, or `unknown` when the DNS failed or took too long: that is no opinion.
 * Memory: the newest clients, for some minutes; what is not known is asked again with the next session.
 * Spec:   RFC 5782 (lists), RFC 8601 §3 (iprev: names that lead back).
 */
import type { Lookup, LookupType } from "../../auth/origin/lookup.ts";
import { reversed, sameAddress } from "../../kit/cidr.ts";
import type { Clock } from "../../kit/clock.ts";
import { Deadlines } from "../../kit/deadlines.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import { listName, meant, neverListed } from "../rules/dns-lists.ts";

export type Unknown = "unknown";

export type ReverseDns =
  | { readonly kind: "confirmed"; readonly name: string }
  | { readonly kind: "missing" }
  | { readonly kind: "mismatch"; readonly name: string };

export interface LookupLimits {
  /** For all that one question needs. */
  readonly lookupMs: number;
  readonly lookupClients: number;
  readonly lookupKeepMs: number;
}

interface Known {
  reverse: Promise<ReverseDns | Unknown> | undefined;
  readonly lists: Map<string, Promise<readonly string[] | Unknown>>;
}

/** Names of one address, or addresses of one name, that are looked at. RFC 8601 §3 asks for such a bound. */
const most = 10;
/** Zones remembered of one client: as many as a domain may name, twice. */
const mostZones = 32;

export class ClientLookups implements Disposable {
  readonly #lookup: Lookup;
  readonly #clock: Clock;
  readonly #limits: LookupLimits;
  readonly #deadlines: Deadlines;
  readonly #known: TtlCache<Known>;

  constructor(lookup: Lookup, clock: Clock, limits: LookupLimits) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#limits = limits;
    this.#deadlines = new Deadlines(limits.lookupMs, clock);
    this.#known = new TtlCache(limits.lookupClients);
  }

  /** What a list answers about a client; empty: it is not listed. */
  listed(address: string, zone: string): Promise<readonly string[] | Unknown> {
    const { lists } = this.#of(address);
    let asked = lists.get(zone);
    if (asked === undefined) {
      const asking = this.#within((signal) => this.#list(address, zone, signal));
      asked = asking;
      if (lists.size < mostZones) lists.set(zone, asking);
      void asking.then((answer) => {
        if (answer === "unknown" && lists.get(zone) === asking) lists.delete(zone);
      });
    }
    return asked;
  }

  reverse(address: string): Promise<ReverseDns | Unknown> {
    const known = this.#of(address);
    if (known.reverse === undefined) {
      const asking = this.#within((signal) => this.#reverse(address, signal));
      known.reverse = asking;
      void asking.then((answer) => {
        if (answer === "unknown" && known.reverse === asking) known.reverse = undefined;
      });
    }
    return known.reverse;
  }

  /** Whether a name has an address or an MX. */
  exists(name: string): Promise<boolean | Unknown> {
    return this.#within(async (signal) => {
      for (const type of ["A", "AAAA", "MX"] as const)
        if ((await this.#ask(name, type, signal)).length > 0) return true;
      return false;
    });
  }

  [Symbol.dispose](): void {
    this.#deadlines[Symbol.dispose]();
  }

  #of(address: string): Known {
    const now = this.#clock.monotonic();
    const found = this.#known.get(address, now);
    if (found) return found.value;
    const known: Known = { reverse: undefined, lists: new Map() };
    this.#known.set(address, known, now + this.#limits.lookupKeepMs, now);
    return known;
  }

  async #list(address: string, zone: string, signal: AbortSignal): Promise<readonly string[]> {
    const name = listName(address, zone);
    if (name === undefined) return [];
    const answers = meant(addressesOf(await this.#ask(name, "A", signal)));
    const test = listName(neverListed, zone);
    if (answers.length === 0 || test === undefined) return answers;
    return (await this.#ask(test, "A", signal)).length > 0 ? [] : answers;
  }

  async #reverse(address: string, signal: AbortSignal): Promise<ReverseDns> {
    const name = reversed(address);
    if (name === undefined) return { kind: "missing" };
    const zone = name.family === 4 ? "in-addr.arpa" : "ip6.arpa";
    const names = (await this.#ask(`${name.labels}.${zone}`, "PTR", signal)).map(String).slice(0, most);
    const [first] = names;
    if (first === undefined) return { kind: "missing" };
    for (const each of names) {
      const found = addressesOf(await this.#ask(each, name.family === 4 ? "A" : "AAAA", signal));
      if (found.slice(0, most).some((one) => sameAddress(one, address)))
        return { kind: "confirmed", name: each };
    }
    return { kind: "mismatch", name: first };
  }

  /** Empty: there is none. Throws when that is not known. */
  async #ask(name: string, type: LookupType, signal: AbortSignal): Promise<readonly unknown[]> {
    const answer = await this.#lookup(name, type, signal);
    if (answer.kind === "failed") throw new Error(answer.text);
    return answer.kind === "found" ? answer.records : [];
  }

  async #within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | Unknown> {
    const stop = new AbortController();
    const late = Promise.withResolvers<Unknown>();
    const entry = this.#deadlines.enter(() => {
      stop.abort(new Error("the DNS takes too long"));
      late.resolve("unknown");
    });
    try {
      return await Promise.race([work(stop.signal), late.promise]);
    } catch {
      return "unknown";
    } finally {
      this.#deadlines.leave(entry);
    }
  }
}

const addressesOf = (records: readonly unknown[]): string[] =>
  records.map((record) => (record as { readonly address: string }).address);
