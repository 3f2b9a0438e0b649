/**
 * Makes the reports of days that are over: one daemon for each place, at a time of its own in the hours after midnight.
 *
 * In:     the directory, which says who reports; the store; what makes and sends reports.
 * Out:    `tick` does what is due now; `run` ticks once a minute.
 * When:   `settleMs` after the end of the day (daemons store their last pages), and spread over `spreadMs` by the place's
 *         name, so that not everybody reports at midnight (RFC 7489 §7.2). An order begins it at once.
 * Once:   the place is held by one daemon (a record that the store forgets when its holder dies), and each report is
 *         claimed (`sending.ts`).
 * Again:  what could not be sent is tried after `againMs`, and then ever more rarely, for `patienceMs` after the day.
 * Fails:  never; a store that is away is tried again at the next tick.
 */
import type { Directory, LiveDirectory } from "../directory/directory.ts";
import { dayEnd, dayMs, dayOf } from "../mail/report/day.ts";
import { type Place, placeText } from "./fact.ts";
import type { Maker } from "./maker.ts";
import { Merge } from "./merge.ts";
import { type Later, type Order, type SendingMeans, sendReport } from "./sending.ts";
import { heldMs, type ReportStore, type Round, type RoundSums, type Versioned } from "./store.ts";

export interface ReporterOptions extends Omit<SendingMeans, "store"> {
  readonly store: ReportStore;
  readonly live: Pick<LiveDirectory, "current">;
  readonly makers: readonly Maker[];
  /** The only namespace that this daemon serves; absent: every one. */
  readonly namespace?: string | undefined;
  /** Names this daemon. */
  readonly member: string;
  /** A number in [0, 1) that follows from the text. */
  readonly spread: (text: string) => number;
}

const tickMs = 60_000;
export const settleMs = 10 * 60_000;
export const spreadMs = 3 * 3_600_000;
const againMs = 5 * 60_000;
const againMaxMs = 2 * 3_600_000;
export const patienceMs = 36 * 3_600_000;
/** Days that are looked at: pages live for a little longer. */
const daysBack = 2;
const renewMs = 60_000;
/** Reports under way at once. */
const atOnce = 8;

export class Reporter {
  readonly #o: ReporterOptions;
  /** Places that are done. */
  readonly #over = new Set<string>();

  constructor(options: ReporterOptions) {
    this.#o = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#o;
    while (!signal.aborted) {
      try {
        await clock.sleep(tickMs, signal);
        await this.tick(signal);
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, "reports could not be seen to; trying again");
      }
    }
  }

  async tick(signal: AbortSignal): Promise<void> {
    const { clock, live } = this.#o;
    const directory = live.current();
    for (const place of this.#places(directory, clock.now())) {
      signal.throwIfAborted();
      if (this.#isDue(place)) await this.#round(place, directory, signal);
    }
  }

  *#places(directory: Directory, now: number): Iterable<Place> {
    for (const { kind } of this.#o.makers)
      for (const namespace of this.#namespaces(directory, kind))
        for (let back = 1; back <= daysBack; back++)
          yield { kind, namespace, day: dayOf(now - back * dayMs) };
  }

  #namespaces(directory: Directory, kind: Place["kind"]): readonly string[] {
    const { namespace } = this.#o;
    const found = [...namespacesOf(directory, kind)];
    return namespace === undefined ? found : found.filter((each) => each === namespace);
  }

  #isDue(place: Place): boolean {
    const { clock, store, spread } = this.#o;
    const name = placeText(place);
    if (this.#over.has(name)) return false;
    const heard = store.heard(place);
    const now = clock.now();
    switch (heard?.round.state) {
      case "done":
        this.#over.add(name);
        return false;
      case "ordered":
        return true;
      case "waiting":
        return now >= heard.round.notBefore;
      case "held": // its holder may have died since
        return clock.monotonic() - heard.at > heldMs + tickMs;
      default:
        return now >= dayEnd(place.day) + settleMs + Math.floor(spread(name) * spreadMs);
    }
  }

  async #round(place: Place, directory: Directory, signal: AbortSignal): Promise<void> {
    const known = await this.#o.store.round(place);
    if (known?.value.state === "done") return void this.#over.add(placeText(place));
    if (known?.value.state === "held") return;
    const hold = await this.#hold(place, known);
    if (hold === undefined) return;
    const tries = known?.value.state === "waiting" ? known.value.tries + 1 : 1;
    const made = await this.#make(place, directory, hold, signal).catch((error: unknown): Later => {
      this.#o.log.warn({ err: error, ...place }, "reports could not be made; trying again");
      return { later: (error as Error).message };
    });
    const next: Round = "later" in made ? this.#waiting(made.later, tries) : made;
    if (await hold.end(next)) this.#o.log.info({ ...place, round: next }, "a day's reports were seen to");
    if (next.state === "done") this.#over.add(placeText(place));
  }

  async #make(place: Place, directory: Directory, hold: Hold, signal: AbortSignal): Promise<Round | Later> {
    const { store, clock, makers } = this.#o;
    const maker = makers.find(({ kind }) => kind === place.kind) as Maker;
    const merge = new Merge();
    await store.read(place, (page) => merge.add(page));
    const last = clock.now() > dayEnd(place.day) + patienceMs;
    const senders = maker.senders(directory, place.namespace);
    const endings = { sent: 0, unwanted: 0, failed: 0 };
    const later: string[] = [];
    const groups = merge.groups();
    for (let at = 0; at < groups.length; at += atOnce) {
      if (!(await hold.renew())) return { later: "another daemon has taken over" };
      const some = groups.slice(at, at + atOnce);
      const orders = some.map(
        (group): Order => ({ place, group, maker, sender: senders.get(group.from), last }),
      );
      for (const ending of await Promise.all(orders.map((order) => sendReport(order, this.#o, signal))))
        if (typeof ending === "string") endings[ending]++;
        else later.push(ending.later);
    }
    if (later.length > 0 && !last)
      return { later: `${later.length} of ${groups.length} could not be sent yet: ${later[0]}` };
    return this.#done({ ...endings, failed: endings.failed + later.length, missed: merge.missed });
  }

  #waiting(why: string, tries: number): Round {
    const wait = Math.min(againMaxMs, againMs * 2 ** Math.min(tries - 1, 10));
    return { state: "waiting", notBefore: this.#o.clock.now() + wait, why, tries };
  }

  #done = (sums: RoundSums): Round => ({ state: "done", at: this.#o.clock.now(), ...sums });

  async #hold(place: Place, known: Versioned<Round> | undefined): Promise<Hold | undefined> {
    const { store, member, clock } = this.#o;
    const held: Round = { state: "held", by: member };
    let revision = await store.setRound(place, held, known?.revision ?? 0);
    if (revision === undefined) return undefined;
    let renewedAt = clock.monotonic();
    const set = async (round: Round): Promise<boolean> => {
      revision = revision && (await store.setRound(place, round, revision));
      return revision !== undefined;
    };
    return {
      renew: async () => {
        if (clock.monotonic() - renewedAt < renewMs) return true;
        renewedAt = clock.monotonic();
        return set(held);
      },
      end: set,
    };
  }
}

/** Where anybody sends such reports. */
export function namespacesOf(directory: Directory, kind: Place["kind"]): ReadonlySet<string> {
  const found = new Set<string>();
  if (kind === "dmarc")
    for (const { namespace, dmarcReports } of directory.domains()) if (dmarcReports) found.add(namespace);
  if (kind === "tls")
    for (const { policy, tlsReports } of directory.policies())
      if (tlsReports) found.add(policy.slice(0, policy.indexOf("/")));
  return found;
}

/** A place that is ours for now. `false`: it no longer is. */
interface Hold {
  renew(): Promise<boolean>;
  end(round: Round): Promise<boolean>;
}
