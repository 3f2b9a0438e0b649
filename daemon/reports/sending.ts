/**
 * Sends one report: to each place that it is wanted at, exactly once as far as that can be known.
 *
 * In:     a group of a place, and who reports.
 * Out:    a record of what was done. `later`: try again in a while.
 * Once:   whoever sends it claims it first. The messages' ids follow from what they are, and the queue takes an id once, as
 *         long as it remembers it (ten minutes after a delivery). So a claim whose author died is carried out again while
 *         it is young (`safeMs`); an older one stays as it is, `doubtful`: rather none than two.
 * Fails:  rejects when the store is away.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ReportSender } from "../directory/directory.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Address } from "../mail/address.ts";
import { type ReportUri, uriText } from "../mail/report/rua.ts";
import { type Place, placeText } from "./fact.ts";
import type { Maker, Wish } from "./maker.ts";
import type { Group } from "./merge.ts";
import type { ReportStore, Sending, SentReport, Versioned } from "./store.ts";
import { wishOf } from "./wish.ts";

export interface Letter {
  readonly kind: Place["kind"];
  readonly sender: ReportSender;
  readonly to: Address;
  readonly domain: string;
  readonly day: Place["day"];
  readonly reportId: string;
  readonly packed: Uint8Array;
  /** Equal for what must not be sent twice. */
  readonly once: string;
}

export interface SendingMeans {
  readonly store: Pick<ReportStore, "report" | "setReport">;
  /** Puts it into the queue; the message's id. Rejects with words fit for people when it was not taken. */
  readonly mail: (letter: Letter, signal: AbortSignal) => Promise<string>;
  /** Why this sender cannot send now. */
  readonly unready: (sender: ReportSender) => string | undefined;
  /** Posts it; what the server answered. Rejects with words fit for people. */
  readonly post: (url: string, packed: Uint8Array, signal: AbortSignal) => Promise<string>;
  /** A short name for a report, the same in every daemon. */
  readonly idOf: (text: string) => string;
  /** Hears of each report at its end. */
  readonly ended: (kind: Place["kind"], state: SentReport["state"]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export type Ending = "sent" | "unwanted" | "failed" | Later;
export interface Later {
  /** Why. */
  readonly later: string;
}

const packing = promisify<string, Buffer>(gzip);
/** Below the ten minutes for which the queue remembers a message that has left. */
const safeMs = 8 * 60_000;

export interface Order {
  readonly place: Place;
  readonly group: Group;
  readonly maker: Maker;
  /** `undefined`: it was turned off since. */
  readonly sender: ReportSender | undefined;
  /** Nobody tries again after this. */
  readonly last: boolean;
}

export async function sendReport(order: Order, means: SendingMeans, signal: AbortSignal): Promise<Ending> {
  const { place, group, sender, last } = order;
  if (sender === undefined) return "unwanted";
  const id = means.idOf(`${placeText(place)} ${group.from} ${group.domain}`);
  const known = await means.store.report(place, id);
  if (known && isOver(known.value)) return known.value.state === "sent" ? "sent" : "failed";
  if (known?.value.state === "claimed" && means.clock.now() - known.value.at > safeMs)
    return end(order, means, id, known, { ...known.value, state: "doubtful" });
  const wish = await wishOf(order.maker, group.domain, means.clock, signal);
  if (wish.kind === "unwanted" && known === undefined) return "unwanted";
  // A claim that is carried out again stays as old as it is.
  const at = known?.value.state === "claimed" ? known.value.at : means.clock.now();
  const draft = draftOf(order, sender, id, at);
  const to = means.unready(sender) ?? placesOf(wish, last);
  if (typeof to === "string") {
    if (!last) return { later: to };
    return end(order, means, id, known, { ...draft, state: "failed", why: to });
  }
  const revision = await means.store.setReport(place, id, draft, known?.revision ?? 0);
  if (revision === undefined) return { later: "another daemon has it in hand" };
  const claim = { value: draft, revision };
  const sendings = await deliver(to, order, sender, draft.reportId, means, signal);
  return end(order, means, id, claim, concluded(draft, sendings, last));
}

const isOver = ({ state }: SentReport): boolean => state !== "claimed" && state !== "waiting";

/** Or why there are none. */
function placesOf(wish: Wish, last: boolean): readonly ReportUri[] | string {
  if (wish.kind === "unknown") return last && wish.known.length > 0 ? wish.known : wish.why;
  return wish.kind === "unwanted" ? "the domain no longer asks for reports" : wish.to;
}

const draftOf = (
  { group, maker, place }: Order,
  { from }: ReportSender,
  id: string,
  at: number,
): SentReport => ({
  state: "claimed",
  at,
  from,
  domain: group.domain,
  reportId: `${place.day.replaceAll("-", "")}.${id}@${from.slice(from.lastIndexOf("@") + 1)}`,
  count: maker.count(group),
  rows: group.rows.length,
  to: [],
});

async function deliver(
  to: readonly ReportUri[],
  { place, group, maker }: Order,
  sender: ReportSender,
  reportId: string,
  means: SendingMeans,
  signal: AbortSignal,
): Promise<readonly Sending[]> {
  const packed = await packing(maker.make(group, sender, place.day, reportId));
  const { kind, day } = place;
  const { domain } = group;
  const sendings: Sending[] = [];
  for (const uri of to) {
    const name = uriText(uri);
    try {
      sendings.push({ uri: name, ok: true, said: await one(uri) });
    } catch (error) {
      signal.throwIfAborted();
      sendings.push({ uri: name, ok: false, said: (error as Error).message });
    }
  }
  return sendings;

  function one(uri: ReportUri): Promise<string> {
    if (uri.kind === "https") return means.post(uri.url, packed, signal);
    if (uri.limit !== undefined && packed.length > uri.limit)
      throw new Error(`the report has ${packed.length} octets, which is more than is taken there`);
    const once = `${reportId} ${uri.address}`;
    return means.mail({ kind, sender, to: uri.address, domain, day, reportId, packed, once }, signal);
  }
}

/** One place that has it is enough: the others are told in the record. */
function concluded(draft: SentReport, to: readonly Sending[], last: boolean): SentReport {
  if (to.some(({ ok }) => ok)) return { ...draft, state: "sent", to };
  const why = to.map(({ uri, said }) => `${uri}: ${said}`).join("; ");
  return { ...draft, state: last ? "failed" : "waiting", to, why };
}

async function end(
  { place }: Order,
  { store, log, ended }: SendingMeans,
  id: string,
  known: Versioned<SentReport> | undefined,
  report: SentReport,
): Promise<Ending> {
  await store.setReport(place, id, report, known?.revision ?? 0);
  const { state, domain, reportId, count, to, why } = report;
  ended(place.kind, state);
  const facts = {
    kind: place.kind,
    namespace: place.namespace,
    day: place.day,
    domain,
    reportId,
    count,
    to,
    why,
  };
  if (state === "sent") log.info(facts, "a report was sent");
  else log.warn(facts, state === "doubtful" ? "a report may have been sent" : "a report could not be sent");
  if (state === "waiting") return { later: why ?? "" };
  return state === "sent" ? "sent" : "failed";
}
