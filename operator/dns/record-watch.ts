/**
 * Watches the DNS records that domains need: looks on a schedule and on request, and tells who wants to know.
 *
 * In:     the records each domain needs, by a key of the caller's (`namespace/name`).
 * Out:    `current(key)`: what was found last, `Unknown` before the first look; `onChange(key)` after a look that found
 *         something else. Domains that lack something are looked at every minute at first, and less often the longer it
 *         lasts; whole ones every hour.
 * Turn:   nothing waits for DNS, so looks wait for calm: an operator that begins with ten thousand domains first gets them
 *         ready. What a person asks for is looked at at once, and nothing waits for longer than five minutes.
 * Fails:  never. A DNS that does not answer leaves what was known, marked `Unknown` only where nothing was.
 * Memory: one entry a domain, its records as text, which takes a third of the room; a bounded number of looks at a time.
 */
import { hash } from "node:crypto";
import type { CheckedRecord } from "../../daemon/dns/check-records.ts";
import { checkRecords, unchecked } from "../../daemon/dns/check-records.ts";
import { Resolver } from "../../daemon/dns/resolver.ts";
import { type Server, systemServers } from "../../daemon/dns/servers.ts";
import type { Chance, Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Slots } from "../../daemon/kit/slots.ts";
import type { WantedRecord } from "../../daemon/mail/zone/records.ts";

export type { CheckedRecord };

export type Check = (
  wanted: readonly WantedRecord[],
  signal: AbortSignal,
) => Promise<readonly CheckedRecord[]>;

export interface RecordWatchOptions {
  readonly check: Check;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly onChange: (key: string) => void;
  /** Resolves when nothing more urgent is to be done; `undefined`: nothing is. */
  readonly calm?: () => Promise<void> | undefined;
  readonly wholeMs?: number;
  readonly lackingMs?: number;
  /** Domains looked at at one time. */
  readonly atOnce?: number;
  /** A look waits for calm no longer than this. */
  readonly patienceMs?: number;
}

interface Watched {
  /** Of what is wanted, to see whether it changed. */
  readonly digest: string;
  /** What is wanted, and what was found of it: `CheckedRecord[]` as JSON. */
  found: string;
  /** Looks in a row that found something lacking. */
  lacking: number;
  /** Ends the wait for the next look. */
  stop: AbortController;
}

const defaults = {
  calm: () => undefined,
  wholeMs: 3_600_000,
  lackingMs: 60_000,
  atOnce: 16,
  patienceMs: 300_000,
};

export class RecordWatch implements Disposable {
  readonly #o: Required<RecordWatchOptions>;
  readonly #domains = new Map<string, Watched>();
  readonly #slots: Slots;
  #closed = false;

  constructor(options: RecordWatchOptions) {
    this.#o = { ...defaults, ...options };
    this.#slots = new Slots(this.#o.atOnce);
  }

  /** From now on these are wanted. Unchanged ones cost nothing; others are looked for at once. */
  want(key: string, wanted: readonly WantedRecord[]): void {
    const digest = hash("sha256", JSON.stringify(wanted), "base64");
    const known = this.#domains.get(key);
    if (known?.digest === digest) return;
    known?.stop.abort();
    const found = JSON.stringify(carriedOver(wanted, known ? recordsIn(known) : []));
    const watched = { digest, found, lacking: 0, stop: new AbortController() };
    this.#domains.set(key, watched);
    this.#lookSoon(key, watched);
  }

  forget(key: string): void {
    this.#domains.get(key)?.stop.abort();
    this.#domains.delete(key);
  }

  /** `undefined`: nothing is wanted under this key. */
  current(key: string): readonly CheckedRecord[] | undefined {
    const known = this.#domains.get(key);
    return known && recordsIn(known);
  }

  /** Looks at once, as somebody asked for. */
  recheck(key: string): void {
    const known = this.#domains.get(key);
    if (known === undefined) return;
    known.stop.abort();
    const watched = { ...known, lacking: 0, stop: new AbortController() };
    this.#domains.set(key, watched);
    this.#lookSoon(key, watched, "now");
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { stop } of this.#domains.values()) stop.abort();
  }

  #lookSoon(key: string, watched: Watched, when: "now" | "in calm" = "in calm"): void {
    if (this.#closed) return;
    if (when === "now") void this.#look(key, watched).then(() => this.#wait(key, watched));
    else this.#slots.queue(() => void this.#inTurn(key, watched).then(() => this.#wait(key, watched)));
  }

  async #inTurn(key: string, watched: Watched): Promise<void> {
    const { signal } = watched.stop;
    if (!signal.aborted) await this.#inCalm(signal);
    await this.#look(key, watched);
    this.#slots.give();
  }

  async #look(key: string, watched: Watched): Promise<void> {
    const { signal } = watched.stop;
    if (signal.aborted) return;
    try {
      const found = await this.#o.check(recordsIn(watched).map(wantedOf), signal);
      if (!signal.aborted) this.#learn(key, watched, found);
    } catch (error) {
      if (!signal.aborted)
        this.#o.log.error({ err: error, domain: key }, "a domain's DNS records could not be judged");
    }
  }

  async #inCalm(signal: AbortSignal): Promise<void> {
    const { calm, clock, patienceMs } = this.#o;
    const turn = calm();
    if (turn === undefined) return;
    const over = new AbortController();
    const patience = clock.sleep(patienceMs, AbortSignal.any([signal, over.signal])).catch(() => {});
    await Promise.race([turn, patience]);
    over.abort();
  }

  #learn(key: string, watched: Watched, looked: readonly CheckedRecord[]): void {
    const before = recordsIn(watched);
    // No answer says nothing new about what was seen a while ago.
    const found = looked.map((record, i) => {
      const known = before[i];
      return record.state === "Unknown" && known !== undefined && known.state !== "Unknown" ? known : record;
    });
    watched.lacking = looked.every(({ state }) => state === "Ok") ? 0 : watched.lacking + 1;
    const text = JSON.stringify(found);
    const changed = text !== watched.found;
    watched.found = text;
    if (changed) this.#o.onChange(key);
  }

  async #wait(key: string, watched: Watched): Promise<void> {
    const { signal } = watched.stop;
    if (signal.aborted) return;
    const { wholeMs, lackingMs, clock, chance } = this.#o;
    const ms = watched.lacking === 0 ? wholeMs : Math.min(lackingMs * 2 ** (watched.lacking - 1), wholeMs);
    try {
      await clock.sleep(ms * (0.9 + 0.2 * chance()), signal);
    } catch {
      return; // stopped
    }
    this.#lookSoon(key, watched);
  }
}

const recordsIn = ({ found }: Watched): readonly CheckedRecord[] =>
  JSON.parse(found) as readonly CheckedRecord[];

const wantedOf = ({ observed: _, state: __, note: ___, ...wanted }: CheckedRecord): WantedRecord => wanted;

/** What is known of records that are still wanted as they were. */
function carriedOver(
  wanted: readonly WantedRecord[],
  found: readonly CheckedRecord[],
): readonly CheckedRecord[] {
  const known = new Map(found.map((one) => [`${one.type} ${one.name} ${one.value}`, one]));
  return unchecked(wanted).map((one) => known.get(`${one.type} ${one.name} ${one.value}`) ?? one);
}

/** A check that asks these servers, or the machine's, and remembers next to nothing, so that a change is seen soon. */
export async function openCheck(
  servers: readonly Server[],
  clock: Clock,
): Promise<{ readonly check: Check } & AsyncDisposable> {
  const asked = servers.length > 0 ? servers : await systemServers();
  const resolver = new Resolver({ servers: asked, clock, cacheEntries: 0 });
  return {
    check: (wanted, signal) => checkRecords(wanted, resolver, signal),
    [Symbol.asyncDispose]: () => resolver[Symbol.asyncDispose](),
  };
}
