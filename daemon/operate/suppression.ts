/**
 * The suppression lists for people: relays follow them, so an edit takes effect within a moment, also while none runs.
 *
 * Fails: `CommandError` for a namespace that is not served here; `StoreFault`.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { SuppressionRecord } from "../deliver/suppression/list.ts";
import type { Address } from "../mail/address.ts";
import { type Listed, putRecord, readSuppression, removeRecord } from "../nats/suppression-records.ts";
import { usage } from "./command-error.ts";
import type { Installation } from "./installation.ts";
import { servedNamespace } from "./served-namespace.ts";

export type Entry = SuppressionRecord & { readonly namespace: string };
type Means = Pick<Installation, "link" | "namespace" | "now" | "log">;

export interface EntryQuestion {
  readonly namespace?: string | undefined;
  readonly address?: Address | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export async function entryPage(
  means: Means,
  { namespace: asked, address, after, limit }: EntryQuestion,
): Promise<{ readonly entries: readonly Entry[]; readonly after?: string }> {
  const { link, now, log } = means;
  const namespace = servedNamespace(means, asked);
  const place = /^\d{1,15}$/.test(after ?? "") ? Number(after) : 0;
  const question = { namespace, address, after: place, limit };
  const page = await readSuppression(link, question, now(), log);
  const next = page.after === undefined ? {} : { after: `${page.after}` };
  return { entries: page.found.map(flat), ...next };
}

const flat = ({ namespace, record }: Listed): Entry => ({ namespace, ...record });

export interface NewEntry {
  readonly namespace?: string | undefined;
  readonly address: Address;
  readonly for?: string | undefined;
  readonly reason?: string | undefined;
}

export async function addEntry(means: Means, given: NewEntry): Promise<Entry> {
  const namespace = listOf(means, given.namespace);
  const { address } = given;
  const ms = parseDuration(given.for ?? "30d");
  if (ms === undefined) throw usage(`for ${given.for}: write hours or days, such as 12h or 30d`);
  const at = means.now();
  const record = { address, by: "operator", at, until: at + ms, text: given.reason ?? "" } as const;
  await putRecord(means.link, namespace, record, at);
  return { namespace, ...record };
}

export async function removeEntry(
  means: Means,
  given: Pick<NewEntry, "namespace" | "address">,
): Promise<{ readonly namespace: string; readonly removed: boolean }> {
  const namespace = listOf(means, given.namespace);
  const { address } = given;
  const question = { namespace, address, after: 0, limit: 1 };
  const { found } = await readSuppression(means.link, question, means.now(), means.log);
  if (found.length > 0) await removeRecord(means.link, namespace, address);
  return { namespace, removed: found.length > 0 };
}

/** Edits are of one list. */
const listOf = (means: Means, asked: string | undefined): string =>
  servedNamespace(means, asked) ?? "default";
