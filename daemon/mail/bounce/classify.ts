/**
 * Sorts a reply that is not 2yz by what it is about. Pure.
 *
 * In:     a reply of another host, or of our own.
 * Out:    a `BounceClass`; `other` for what says nothing that we know.
 * Fails:  never, and takes bounded time: so much of the text is looked at.
 */
import type { Outcome } from "../outcome.ts";
import type { Reply } from "../reply.ts";
import type { BounceClass } from "./classes.ts";
import { basic, coded, type SpokenRule, spoken, vague } from "./rules.ts";

const looked = 1_000;
const addresses = /<[^<>]{0,320}>|\S{1,64}@[^\s,;)]{1,255}/g;
/** A code that its server put elsewhere than RFC 2034 says: `550 #5.1.0 Address rejected.` */
const hidden = /(?:^|[\s(#[])([45]\.\d{1,2}\.\d{1,3})(?![\d.]*\d)/;

/** One answer may be that of a hundred recipients, and is asked for by whoever counts, writes down and slows down. */
const known = new WeakMap<Reply, BounceClass>();
/** A host that puts mail off says the same each time, and sorting it takes as long as the rest of an attempt. */
const heardBefore = new Map<string, BounceClass>();
const remembered = 2_000;

/** What an outcome is about; a delivery is about nothing. */
export const bounceOf = (outcome: Outcome): BounceClass | undefined =>
  outcome.kind === "delivered" ? undefined : (outcome.bounce ?? classify(outcome.reply));

export function classify(reply: Reply): BounceClass {
  const before = known.get(reply);
  if (before !== undefined) return before;
  const found = recall(reply);
  known.set(reply, found);
  return found;
}

function recall(reply: Reply): BounceClass {
  if (reply.text.length > looked) return sort(reply);
  const words = `${reply.code} ${reply.enhanced} ${reply.text}`;
  const before = heardBefore.get(words);
  if (before !== undefined) return before;
  const found = sort(reply);
  if (heardBefore.size >= remembered) heardBefore.clear();
  heardBefore.set(words, found);
  return found;
}

function sort(reply: Reply): BounceClass {
  const text = reply.text.slice(0, looked).toLowerCase().replace(/\s+/g, " ").replace(addresses, "");
  const enhanced = reply.enhanced.endsWith(".0.0")
    ? (hidden.exec(text)?.[1] ?? reply.enhanced)
    : reply.enhanced;
  const heard = { code: reply.code, enhanced, text };
  return byWords(spoken, heard) ?? byCode(enhanced) ?? byWords(vague, heard) ?? basic[reply.code] ?? "other";
}

interface Heard {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

function byWords(rules: readonly SpokenRule[], { code, enhanced, text }: Heard): BounceClass | undefined {
  const lasts = code >= 500 ? "permanent" : "temporary";
  return rules.find(
    (rule) =>
      (rule.when === undefined || rule.when === lasts) &&
      (rule.code === undefined || rule.code.test(enhanced)) &&
      rule.says.test(text),
  )?.is;
}

function byCode(enhanced: string): BounceClass | undefined {
  const [, subject = "", detail = ""] = enhanced.split(".");
  return coded[`${subject}.${detail}`] ?? coded[subject];
}
