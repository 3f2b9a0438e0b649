/**
 * A domain of ours as the world sees it: its DNS records beside those that it needs, and its DKIM keys.
 *
 * Which keys there are is told by whoever signs with them: nobody else needs to know private keys.
 * Cache:  an answer is given for `FRESH_MS`, so that nobody makes us a hammer of the DNS.
 * Fails:  rejects only with the signal's reason; a DNS that does not answer is part of the answer.
 */
import type { KeyState } from "../deliver/inquiry.ts";
import type { DomainEntry } from "../directory/directory.ts";
import { type CheckedRecord, checkRecords } from "../dns/check-records.ts";
import type { Resolver } from "../dns/resolver.ts";
import { TtlCache } from "../kit/ttl-cache.ts";
import { wantedRecords } from "../mail/zone/records.ts";
import { domainFacts } from "./domain-records.ts";
import type { QueueIndex } from "./queue-index.ts";

export interface DomainHealth {
  /** Whether every needed record is there; `unknown`: some could not be asked for. */
  readonly state: "ok" | "lacking" | "unknown";
  readonly records: readonly CheckedRecord[];
  readonly keys: readonly KeyState[];
  /** No process that signs for the domain was there to tell its keys. */
  readonly keysUnknown: boolean;
}

export interface DomainHealthMeans {
  readonly index: QueueIndex;
  readonly resolver: Pick<Resolver, "records" | "addresses">;
  /** Our public name, for domains that name no hosts. */
  readonly hostname: string;
  /** ms of a clock that never jumps. */
  readonly monotonic: () => number;
}

const FRESH_MS = 20_000;

export class DomainHealths {
  readonly #means: DomainHealthMeans;
  readonly #known = new TtlCache<DomainHealth>(2_000);

  constructor(means: DomainHealthMeans) {
    this.#means = means;
  }

  async of(entry: DomainEntry, signal: AbortSignal): Promise<DomainHealth> {
    const { domain } = entry;
    const before = this.#known.get(domain, this.#means.monotonic());
    if (before) return before.value;
    const health = await this.#look(entry, signal);
    const now = this.#means.monotonic();
    this.#known.set(domain, health, now + FRESH_MS, now);
    return health;
  }

  async #look({ domain, spec }: DomainEntry, signal: AbortSignal): Promise<DomainHealth> {
    const { index, resolver, hostname } = this.#means;
    const { said } = await index.tell<readonly KeyState[] | undefined>({ kind: "keys", domain }, signal);
    const told = said.map(({ answer }) => answer).filter((answer) => Array.isArray(answer));
    const keys = told.toSorted((a, b) => b.length - a.length)[0] ?? [];
    const mailHosts = spec.hostnames.length > 0 ? spec.hostnames : [hostname];
    const wanted = wantedRecords(domainFacts(domain, { spec, mailHosts, dkim: keys }));
    const records = await checkRecords(wanted, resolver, signal);
    return { state: stateOf(records), records, keys, keysUnknown: told.length === 0 };
  }
}

function stateOf(records: readonly CheckedRecord[]): DomainHealth["state"] {
  const needed = records.filter((record) => record.needed);
  if (needed.some(({ state }) => state === "Missing" || state === "Different")) return "lacking";
  return needed.some(({ state }) => state === "Unknown") ? "unknown" : "ok";
}
