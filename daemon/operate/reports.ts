/**
 * Reports to other domains, for people: what was sent, what is counted so far, and an order to send a day's now.
 *
 * Orders are records: a daemon that accepts or sends mail for the namespace sees it and carries it out within a minute.
 * Fails: `CommandError` for a day that is none or not over, or where nobody reports; `StoreFault`.
 */
import type { Directory } from "../directory/directory.ts";
import { domainOf } from "../mail/address.ts";
import { type Day, dayEnd, dayMs, dayOf, parseDay } from "../mail/report/day.ts";
import { JetStreamReportStore } from "../nats/reports.ts";
import { dmarcShape } from "../reports/dmarc.ts";
import { type Kind, kinds, type Place } from "../reports/fact.ts";
import type { Shape } from "../reports/maker.ts";
import { Merge } from "../reports/merge.ts";
import { namespacesOf, settleMs } from "../reports/reporter.ts";
import type { ReportStore, Round, SentReport } from "../reports/store.ts";
import { tlsShape } from "../reports/tls.ts";
import { CommandError } from "./command-error.ts";
import type { Installation } from "./installation.ts";
import { servedNamespace } from "./served-namespace.ts";

type Means = Pick<Installation, "link" | "namespace" | "live" | "clock" | "now" | "log">;

export interface ReportChoice {
  readonly kind?: Kind | undefined;
  readonly day?: string | undefined;
  readonly namespace?: string | undefined;
}

export interface Listed extends Place {
  readonly report?: SentReport;
  readonly round?: Round;
}

export async function reportList(
  means: Means,
  choice: ReportChoice,
  { skip, limit }: { readonly skip: number; readonly limit: number },
): Promise<{ readonly reports: readonly Listed[]; readonly more: number }> {
  const day = choice.day === undefined ? undefined : parsedDay(choice.day);
  await using store = storeOf(means, choice);
  const listed: Listed[] = [];
  for (const [place, report] of await store.reports()) listed.push({ ...place, report });
  for (const [place, round] of await store.rounds()) listed.push({ ...place, round });
  const fits = (one: Listed) =>
    (choice.kind ?? one.kind) === one.kind && (day === undefined || day === one.day);
  const all = listed.filter(fits).sort(inOrder);
  const reports = all.slice(skip, skip + limit);
  return { reports, more: Math.max(0, all.length - skip - reports.length) };
}

const order = ({ day, kind, namespace, report }: Listed) =>
  `${day} ${kind} ${namespace} ${report === undefined ? "" : report.domain}`;
const inOrder = (a: Listed, b: Listed): number => (order(a) < order(b) ? -1 : 1);

export interface Told extends Place {
  readonly from: string;
  readonly domain: string;
  readonly head?: object;
  readonly rows: readonly object[];
  /** As it would be sent. */
  readonly document: string;
}

/** What is told to a domain, by each who reports to it. */
export async function toldTo(means: Means, domain: string, choice: ReportChoice): Promise<readonly Told[]> {
  const day = choice.day === undefined ? dayOf(means.now()) : parsedDay(choice.day);
  await using store = storeOf(means, choice);
  const directory = means.live.current();
  const told: Told[] = [];
  for (const place of placesOf(means, choice, day))
    told.push(...(await toldAt(store, directory, place, domain)));
  return told;
}

const shapes: Readonly<Record<Kind, Shape>> = { dmarc: dmarcShape, tls: tlsShape };

export async function toldAt(
  store: Pick<ReportStore, "read">,
  directory: Directory,
  place: Place,
  domain: string,
): Promise<readonly Told[]> {
  const shape = shapes[place.kind];
  const merge = new Merge();
  await store.read(place, (page) => merge.add(page));
  const senders = shape.senders(directory, place.namespace);
  const groups = merge.groups().filter((group) => group.domain === domain.toLowerCase());
  return groups.map((group) => {
    const { from, head } = group;
    const rows = group.rows.map(([row, count]) => ({ ...(JSON.parse(row) as object), count }));
    const sender = senders.get(from) ?? { from, organization: domainOf(from) };
    const reportId = `so-far.${dayEnd(place.day) / 1_000}@${domainOf(from)}`;
    const document = shape.make(group, sender, place.day, reportId).trimEnd();
    const whole = head ? { head: JSON.parse(head) as object } : {};
    return { ...place, from, domain: group.domain, ...whole, rows, document };
  });
}

export type Ordered = "ordered" | "already made" | "being made just now";

export async function sendNow(
  means: Means,
  choice: ReportChoice,
): Promise<readonly (Place & { readonly result: Ordered })[]> {
  const day = overDay(means.now(), choice.day);
  await using store = storeOf(means, choice);
  const places = placesOf(means, choice, day);
  if (places.length === 0)
    throw new CommandError("nobody sends such reports; MailDomain and RelayPolicy say who does");
  const results = [];
  for (const place of places) results.push({ ...place, result: await ordered(store, place, means.now()) });
  return results;
}

async function ordered(store: ReportStore, place: Place, at: number): Promise<Ordered> {
  const known = await store.round(place);
  if (known?.value.state === "done") return "already made";
  const taken =
    known?.value.state !== "held" &&
    (await store.setRound(place, { state: "ordered", at }, known?.revision ?? 0));
  return taken ? "ordered" : "being made just now";
}

/** A day whose last pages are stored. */
function overDay(now: number, text: string | undefined): Day {
  const day = text === undefined ? dayOf(now - dayMs) : parsedDay(text);
  const at = dayEnd(day) + settleMs;
  if (now < at)
    throw new CommandError(
      `${day} is not over: its reports can be made from ${new Date(at).toISOString()} on`,
    );
  return day;
}

function parsedDay(text: string): Day {
  const day = parseDay(text);
  if (day === undefined) throw new CommandError(`day is one such as 2026-11-28, not ${text}`);
  return day;
}

function storeOf(means: Means, choice: ReportChoice): JetStreamReportStore {
  const { link, clock, log } = means;
  return new JetStreamReportStore({ link, clock, log, namespace: servedNamespace(means, choice.namespace) });
}

function placesOf(means: Means, choice: ReportChoice, day: Day): readonly Place[] {
  const directory = means.live.current();
  const namespace = servedNamespace(means, choice.namespace);
  return (choice.kind === undefined ? kinds : [choice.kind]).flatMap((kind) =>
    [...namespacesOf(directory, kind)]
      .filter((each) => namespace === undefined || each === namespace)
      .map((each) => ({ namespace: each, kind, day })),
  );
}
