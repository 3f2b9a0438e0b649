/**
 * Content filters: which of them see a message, and what becomes of it by what they say.
 *
 * In:     the domains whose filters count, each with the recipients that they are there for; the port to the filters.
 * Out:    refused with a reply, or taken: for each domain the fields of its own filters, and whether it is junk there.
 *         One look serves every domain that names the same server; all filters look at the same time.
 * Fails:  a filter that does not answer defers the message, or is passed over and told in `X-Postfleet-Filter`, as the
 *         domain chose.
 */
import { filterField } from "../auth/origin/results-field.ts";
import type { DomainEntry } from "../directory/directory.ts";
import type { FilterEntry } from "../directory/filters.ts";
import { partsOf } from "../filters/fields.ts";
import type { Letter, Look, Opinion } from "../filters/filter.ts";
import type { Log } from "../kit/log.ts";
import type { Address, Domain } from "../mail/address.ts";
import type { Reply } from "../mail/reply.ts";
import { replies } from "./replies.ts";

/** A domain, its filters for this message, and whom they guard. */
export interface Guarded {
  readonly entry: DomainEntry;
  readonly filters: readonly FilterEntry[];
  readonly recipients: readonly Address[];
}

export type Screened =
  | { readonly kind: "refuse"; readonly reply: Reply }
  | { readonly kind: "take"; readonly of: (domain: Domain) => Marks };

export interface Marks {
  /** Fields to put in front; "" for none. */
  readonly fields: string;
  readonly junk: boolean;
}

export interface ScreeningOptions {
  readonly look: Look;
  readonly guarded: readonly Guarded[];
  /** Mail goes out: junk is refused, and fields stay here. */
  readonly outbound: boolean;
  readonly log: Log;
}

/** What a filter said, or that it said nothing. */
type Said = Opinion | { readonly kind: "failed" };

export type LetterFacts = Omit<Letter, "recipients">;

export async function screen(options: ScreeningOptions, facts: LetterFacts): Promise<Screened> {
  const said = await looks(options, facts);
  const verdicts = options.guarded.map((guarded) => verdictOf(guarded, said, options.outbound));
  const deferred = verdicts.find(({ kind }) => kind === "defer");
  const [first] = verdicts;
  const all = verdicts.every(({ kind }) => kind === "refuse");
  const refusal = deferred ?? (all ? first : undefined);
  if (refusal && "reply" in refusal) {
    tellRefusal(options.log, facts, refusal);
    return { kind: "refuse", reply: refusal.reply };
  }
  const marks = new Map(verdicts.map((verdict) => [verdict.domain, marksOf(verdict, options.outbound)]));
  return { kind: "take", of: (domain) => marks.get(domain) ?? unmarked };
}

const unmarked: Marks = { fields: "", junk: false };

/** Every server once, with the recipients of all domains that ask it. */
async function looks(
  { look, guarded, log }: ScreeningOptions,
  facts: LetterFacts,
): Promise<ReadonlyMap<string, Said>> {
  const wanted = new Map<string, { readonly entry: FilterEntry; readonly recipients: Address[] }>();
  for (const { filters, recipients } of guarded) {
    for (const entry of filters) {
      const known = wanted.get(entry.id);
      if (known) known.recipients.push(...recipients);
      else wanted.set(entry.id, { entry, recipients: [...recipients] });
    }
  }
  const asked = [...wanted].map(async ([id, { entry, recipients }]): Promise<[string, Said]> => {
    try {
      return [id, await look(entry, { ...facts, recipients: [...new Set(recipients)] })];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn({ message: facts.id, filter: entry.name, server: id, why }, "a content filter failed");
      return [id, { kind: "failed" }];
    }
  });
  return new Map(await Promise.all(asked));
}

type Verdict = { readonly domain: Domain; readonly names: readonly string[] } & (
  | { readonly kind: "keep" | "junk"; readonly fields: readonly string[] }
  | { readonly kind: "refuse" | "defer"; readonly reply: Reply; readonly fields: readonly string[] }
);

const rank = { keep: 0, junk: 1, refuse: 2, defer: 3 } as const;

/** The strictest of the domain's filters speaks for it; a word of each stands in our field. */
function verdictOf({ entry, filters }: Guarded, said: ReadonlyMap<string, Said>, outbound: boolean): Verdict {
  let worst: { readonly kind: keyof typeof rank; readonly reply?: Reply } = { kind: "keep" };
  const fields: string[] = [];
  const names: string[] = [];
  for (const filter of filters) {
    const found = ruled(filter, said.get(filter.id) ?? { kind: "failed" }, outbound);
    names.push(`${filter.name}=${found.word}`);
    fields.push(...found.fields);
    if (rank[found.kind] > rank[worst.kind]) worst = found;
  }
  const { domain } = entry;
  const { kind, reply } = worst;
  if (kind === "refuse" || kind === "defer")
    return { kind, domain, names, fields, reply: reply ?? replies.filterFailed };
  return { kind, domain, names, fields };
}

interface Ruled {
  readonly kind: keyof typeof rank;
  readonly word: "clean" | "junk" | "refused" | "deferred" | "failed";
  readonly reply?: Reply;
  readonly fields: readonly string[];
}

/** By what this domain chose for this filter. */
function ruled(filter: FilterEntry, said: Said, outbound: boolean): Ruled {
  switch (said.kind) {
    case "failed":
      return filter.onFailure === "Accept"
        ? { kind: "keep", word: "failed", fields: [] }
        : { kind: "defer", word: "failed", reply: replies.filterFailed, fields: [] };
    case "refuse":
      return { kind: "refuse", word: "refused", reply: said.reply, fields: [] };
    case "defer":
      return { kind: "defer", word: "deferred", reply: said.reply, fields: [] };
    default: {
      const { fields } = said;
      if (said.kind === "keep" && !fields.some((field) => meansJunk(field, filter)))
        return { kind: "keep", word: "clean", fields };
      return outbound
        ? { kind: "refuse", word: "junk", reply: replies.filterJunk, fields: [] }
        : { kind: "junk", word: "junk", fields };
    }
  }
}

function meansJunk(field: string, { junkField }: FilterEntry): boolean {
  if (junkField === undefined) return false;
  const { name, value } = partsOf(field);
  return name === junkField.name && value.toLowerCase().startsWith(junkField.value);
}

/** Where others did not refuse it, it comes, but into Junk. */
function marksOf(verdict: Verdict, outbound: boolean): Marks {
  if (outbound || verdict.names.length === 0) return unmarked;
  const own = `${filterField}: ${verdict.names.join("\r\n ")}\r\n`;
  return { fields: own + verdict.fields.join(""), junk: verdict.kind !== "keep" };
}

function tellRefusal(
  log: Log,
  { id, origin, sender }: LetterFacts,
  verdict: Verdict & { readonly reply: Reply },
): void {
  const { code, enhanced, text } = verdict.reply;
  const facts = { message: id, client: origin.client, user: origin.user, from: sender.path, code, enhanced };
  log.info(
    { ...facts, domain: verdict.domain, filters: verdict.names, text },
    "a message was refused by its filters",
  );
}

/** The words of our field, for the trace: `clamav=clean rspamd=junk`. */
export const filterWords = (prepend: string): string =>
  (/^X-Postfleet-Filter: ((?:[^\r]|\r\n )*)\r\n/m.exec(prepend)?.[1] ?? "").replaceAll("\r\n ", " ");
