/**
 * Compares the DNS records that a domain needs with what a resolver answers.
 *
 * In:     wanted records (`mail/zone/records`), a resolver.
 * Out:    each with what was observed and its state: `Ok`, `Missing`, `Different` (with a note), or `Unknown` when the
 *         DNS gave no answer (with its words). In the order of the wanted ones.
 * Fails:  rejects only with the signal's reason.
 */
import { compare } from "../mail/zone/compare.ts";
import type { WantedRecord } from "../mail/zone/records.ts";
import type { Resolver } from "./resolver.ts";

export type RecordState = "Ok" | "Missing" | "Different" | "Unknown";

export interface CheckedRecord extends WantedRecord {
  /** Values found at the name, written as the wanted ones are. Text records of other purposes are left out. */
  readonly observed: readonly string[];
  readonly state: RecordState;
  /** Why it is `Different` or `Unknown`. */
  readonly note?: string;
}

type Lookup = Pick<Resolver, "records" | "addresses">;

export function checkRecords(
  wanted: readonly WantedRecord[],
  resolver: Lookup,
  signal: AbortSignal,
): Promise<readonly CheckedRecord[]> {
  return Promise.all(wanted.map((record) => checkRecord(record, resolver, signal)));
}

/** Nobody has looked yet. */
export const unchecked = (wanted: readonly WantedRecord[]): readonly CheckedRecord[] =>
  wanted.map((record) => ({ ...record, observed: [], state: "Unknown" as const }));

async function checkRecord(
  wanted: WantedRecord,
  resolver: Lookup,
  signal: AbortSignal,
): Promise<CheckedRecord> {
  const seen = await observe(wanted, resolver, signal);
  if (typeof seen === "string") return { ...wanted, observed: [], state: "Unknown", note: seen };
  const finding = compare(wanted, seen);
  const observed = wanted.type === "TXT" ? seen.filter((text) => isKin(wanted, text)) : seen;
  if (wanted.purpose === "mtaStsHost" && finding.state !== "Ok")
    return { ...wanted, observed, ...(await checkPlace(wanted, resolver, signal)) };
  return { ...wanted, observed, ...finding };
}

/** Values, or why there is no answer. */
async function observe(
  { type, name }: WantedRecord,
  resolver: Lookup,
  signal: AbortSignal,
): Promise<readonly string[] | string> {
  switch (type) {
    case "MX": {
      const answer = await resolver.records(name, "MX", signal);
      if (answer.kind !== "found") return answer.kind === "failed" ? answer.text : [];
      return answer.records.map(({ preference, host }) => `${preference} ${host || "."}`).sort(byPreference);
    }
    case "SRV": {
      const answer = await resolver.records(name, "SRV", signal);
      if (answer.kind !== "found") return answer.kind === "failed" ? answer.text : [];
      return answer.records.map((r) => `${r.priority} ${r.weight} ${r.port} ${r.target || "."}`).sort();
    }
    default: {
      const answer = await resolver.records(name, type, signal);
      if (answer.kind !== "found") return answer.kind === "failed" ? answer.text : [];
      return answer.records.toSorted();
    }
  }
}

const byPreference = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10);

/** At the apex lie many texts; only those of this kind belong into a report. */
function isKin({ purpose }: WantedRecord, text: string): boolean {
  return purpose !== "spf" || /^v=spf1/i.test(text);
}

/** An address record serves as well as an alias, when it leads to the same place. */
async function checkPlace(
  { name, value }: WantedRecord,
  resolver: Lookup,
  signal: AbortSignal,
): Promise<Pick<CheckedRecord, "state" | "note">> {
  const [there, here] = await Promise.all([name, value].map((host) => resolver.addresses(host, signal)));
  if (there?.kind === "failed") return { state: "Unknown", note: there.text };
  if (there?.kind !== "found") return { state: "Missing" };
  if (here?.kind === "failed") return { state: "Unknown", note: here.text };
  const ours = new Set(here?.kind === "found" ? here.records.map(({ address }) => address) : []);
  if (there.records.some(({ address }) => ours.has(address))) return { state: "Ok" };
  return { state: "Different", note: `it does not lead to ${value}` };
}
