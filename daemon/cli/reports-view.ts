/**
 * How `postfleet reports` shows things to people.
 *
 * In:     records of the store.
 * Out:    lines without control characters: domains and answers are words of strangers.
 */
import type { ReportShape } from "../api/contract/reports.ts";
import { oneLine } from "../mail/text.ts";
import type { Round } from "../reports/store.ts";

const wordsMax = 2_000;

export function listLine({ day, kind, namespace, report, round }: ReportShape): string {
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
