/**
 * How `postfleet reports` shows things to people.
 *
 * In:     records of the store; the directory.
 * Out:    lines without control characters: domains and answers are words of strangers.
 */
import type { Directory } from "../directory/directory.ts";
import { domainOf } from "../mail/address.ts";
import { dayEnd } from "../mail/report/day.ts";
import { oneLine } from "../mail/text.ts";
import { dmarcShape } from "../reports/dmarc.ts";
import type { Place } from "../reports/fact.ts";
import type { Shape } from "../reports/maker.ts";
import { Merge } from "../reports/merge.ts";
import type { ReportStore, Round, SentReport } from "../reports/store.ts";
import { tlsShape } from "../reports/tls.ts";

export interface Listed extends Place {
  readonly report?: SentReport;
  readonly round?: Round;
}

const wordsMax = 2_000;

export function listLine({ day, kind, namespace, report, round }: Listed): string {
  const where = [day, kind, namespace];
  if (report === undefined) return fields(...where, "*", round ? roundWords(round) : "");
  const { domain, state, count, to, why } = report;
  const places = to.map(({ uri, said, ok }) => `${ok ? "" : "not "}${uri} (${said})`).join(", ");
  return fields(...where, domain, state, String(count), places || why || "");
}

const fields = (...words: readonly string[]): string =>
  words.map((word) => oneLine(word, wordsMax)).join("\t");

function roundWords(round: Round): string {
  switch (round.state) {
    case "held":
      return `being made by ${round.by}`;
    case "waiting":
      return `waiting until ${new Date(round.notBefore).toISOString()}: ${round.why}`;
    case "ordered":
      return `ordered at ${new Date(round.at).toISOString()}`;
    case "done":
      return `done: ${round.sent} sent, ${round.unwanted} not wanted, ${round.failed} failed, ${round.missed} not counted`;
  }
}

const shapes: Readonly<Record<Place["kind"], Shape>> = { dmarc: dmarcShape, tls: tlsShape };

/** What is told to a domain, by each who reports to it. */
export async function foundReports(
  store: Pick<ReportStore, "read">,
  directory: Directory,
  place: Place,
  domain: string,
  json: boolean,
): Promise<readonly string[]> {
  const shape = shapes[place.kind];
  const merge = new Merge();
  await store.read(place, (page) => merge.add(page));
  const senders = shape.senders(directory, place.namespace);
  return merge
    .groups()
    .filter((group) => group.domain === domain.toLowerCase())
    .map((group) => {
      const { from, rows, head } = group;
      if (json) {
        const told = rows.map(([row, count]) => ({ ...(JSON.parse(row) as object), count }));
        return JSON.stringify({
          ...place,
          from,
          domain,
          ...(head ? { head: JSON.parse(head) } : {}),
          rows: told,
        });
      }
      const sender = senders.get(from) ?? { from, organization: domainOf(from) };
      const reportId = `so-far.${dayEnd(place.day) / 1_000}@${domainOf(from)}`;
      return shape.make(group, sender, place.day, reportId).trimEnd();
    });
}
