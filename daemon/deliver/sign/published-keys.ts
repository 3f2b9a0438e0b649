/**
 * Which of a domain's keys sign now: for each algorithm the newest one whose record the world can see. So a new selector
 * takes over by itself, and never before mail signed with it can be verified.
 *
 * In:     the domain's keys, the oldest first; a resolver.
 * Out:    keys to sign with. Where no record of an algorithm is seen, the oldest key signs: that can only help those who
 *         see more of the DNS than we do.
 * Fails:  never. A DNS that does not answer leaves what was seen before; a key that cannot be read is told once.
 * Spec:   RFC 6376 §3.6.2.2 (the record), RFC 6376 §5.2 (choosing a key).
 */
import type { DkimSecret, DomainEntry } from "../../directory/directory.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import {
  type DkimAlgorithm,
  dkimAlgorithms,
  dkimRecord,
  dkimRecordName,
  parseDkimKey,
} from "../../mail/dkim/keys.ts";
import type { SigningKey } from "../../mail/dkim/sign.ts";
import { parseTags } from "../../mail/tags.ts";
import type { Dns } from "../route/dns.ts";

export interface PublishedKeysOptions {
  readonly dns: Pick<Dns, "txt">;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How long an answer is believed: seen, and not (yet) seen. */
const believed = { seen: 3_600_000, unseen: 60_000 } as const;
const remembered = 20_000;
const words = { Rsa2048: "rsa-sha256", Ed25519: "ed25519-sha256" } as const satisfies Record<
  string,
  DkimAlgorithm
>;

interface Readable extends SigningKey {
  /** The `p=` of its record. */
  readonly published: string;
}

export class PublishedKeys {
  readonly #o: PublishedKeysOptions;
  readonly #keys = new WeakMap<DkimSecret, Readable | "unusable">();
  /** By record name and public key: whether the record was seen. */
  readonly #seen: TtlCache<boolean>;
  readonly #lastSeen: TtlCache<boolean>;
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(options: PublishedKeysOptions) {
    this.#o = options;
    this.#seen = new TtlCache(remembered);
    this.#lastSeen = new TtlCache(remembered);
  }

  /** At once when everything is known. */
  of(entry: DomainEntry): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    const chosen = dkimAlgorithms
      .filter((algorithm) => entry.spec.dkim.algorithms.some((word) => words[word] === algorithm))
      .map((algorithm) => this.#choose(entry, algorithm));
    return chosen.some((key) => key instanceof Promise)
      ? Promise.all(chosen).then(present)
      : present(chosen as readonly (Readable | undefined)[]);
  }

  #choose(
    entry: DomainEntry,
    algorithm: DkimAlgorithm,
  ): Readable | undefined | Promise<Readable | undefined> {
    const keys = entry.dkim
      .map((secret) => this.#read(secret, entry))
      .filter((key) => key?.algorithm === algorithm);
    // A lone key needs no choice: without its record the message would be no better off.
    if (keys.length < 2) return keys[0];
    return this.#newestSeen(keys as readonly Readable[], keys.length - 1, entry.domain);
  }

  #newestSeen(keys: readonly Readable[], from: number, domain: string): Readable | Promise<Readable> {
    for (let i = from; i > 0; i--) {
      const key = keys[i] as Readable;
      const seen = this.#isSeen(key, domain);
      if (seen instanceof Promise)
        return seen.then((yes) => (yes ? key : this.#newestSeen(keys, i - 1, domain)));
      if (seen) return key;
    }
    return keys[0] as Readable;
  }

  #isSeen(key: Readable, domain: string): boolean | Promise<boolean> {
    const name = dkimRecordName(key.selector, domain);
    const id = `${name} ${key.published}`;
    const known = this.#seen.get(id, this.#o.clock.monotonic());
    if (known) return known.value;
    const asking = this.#asking.get(id) ?? this.#ask(id, name, key).finally(() => this.#asking.delete(id));
    this.#asking.set(id, asking);
    return asking;
  }

  async #ask(id: string, name: string, { published }: Readable): Promise<boolean> {
    const { dns, clock, signal } = this.#o;
    const answer = await dns.txt(name, signal);
    const now = clock.monotonic();
    if (answer.kind === "failed") {
      const before = this.#lastSeen.get(id, now)?.value ?? false;
      this.#seen.set(id, before, now + believed.unseen, now);
      return before;
    }
    const seen = answer.kind === "found" && answer.records.some((text) => holds(text, published));
    this.#seen.set(id, seen, now + (seen ? believed.seen : believed.unseen), now);
    this.#lastSeen.set(id, seen, Number.POSITIVE_INFINITY, now);
    return seen;
  }

  #read(secret: DkimSecret, { namespace, name }: DomainEntry): Readable | undefined {
    let key = this.#keys.get(secret);
    if (key === undefined) {
      key = readable(secret);
      this.#keys.set(secret, key);
      if (key === "unusable")
        this.#o.log.error(
          { resource: `MailDomain ${namespace}/${name}`, selector: secret.selector },
          "a DKIM key cannot be used: give an RSA or Ed25519 private key in PEM",
        );
    }
    return key === "unusable" ? undefined : key;
  }
}

function readable({ selector, privateKey }: DkimSecret): Readable | "unusable" {
  try {
    const key = parseDkimKey(privateKey);
    return { ...key, selector, published: publicKeyIn(dkimRecord(key)) ?? "" };
  } catch {
    return "unusable";
  }
}

const publicKeyIn = (record: string): string | undefined => parseTags(record)?.get("p")?.replace(/\s/g, "");

const holds = (text: string, published: string): boolean => publicKeyIn(text) === published;

const present = <T>(keys: readonly (T | undefined)[]): readonly T[] =>
  keys.filter((key) => key !== undefined);
