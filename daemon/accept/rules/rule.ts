/**
 * Rules: each looks at one side of a command and is silent, or refuses with a reply.
 *
 * The first rule with an opinion speaks for the chain, which tells its name along; silence means welcome. Rules answer
 * at once wherever they can: a chain makes a promise only when one of its rules does.
 */
import type { Directory } from "../../directory/directory.ts";
import type { Address } from "../../mail/address.ts";
import type { Sender } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Caller, Later, Verdict } from "../../smtp/mailroom.ts";
import type { Expansion } from "../expand.ts";
import type { Standing } from "../standing.ts";

export type Rule<Subject> = (subject: Subject) => Later<Verdict>;

/** A refusal, and whose it is. Names are few, and fit for a metric's label. */
export interface Refusal {
  readonly rule: string;
  readonly reply: Reply;
}

export const refusal = (rule: string, reply: Reply): Refusal => ({ rule, reply });

/** What MAIL is judged by. */
export interface Mail {
  readonly caller: Caller;
  readonly standing: Standing;
  readonly directory: Directory;
  readonly sender: Sender;
  /** `SIZE=`, octets. RFC 1870 §6 */
  readonly size: number | undefined;
}

/** What RCPT is judged by. */
export interface Rcpt {
  readonly standing: Standing;
  readonly address: Address;
  readonly expansion: Expansion;
  /** Recipients that this transaction has already. */
  readonly named: number;
  /** Of these, in the same domain of ours. */
  readonly namedInDomain: number;
  /** Final recipients so far. */
  readonly targets: number;
  readonly size: number | undefined;
}

/** Rules by name, in their order. */
export function chain<Subject>(
  rules: Readonly<Record<string, Rule<Subject>>>,
): (subject: Subject) => Later<Refusal | undefined> {
  const named = Object.entries(rules);
  return (subject) => speak(named, 0, subject);
}

function speak<Subject>(
  rules: readonly (readonly [name: string, rule: Rule<Subject>])[],
  from: number,
  subject: Subject,
): Later<Refusal | undefined> {
  for (let i = from; i < rules.length; i++) {
    const entry = rules[i];
    const verdict = entry?.[1](subject);
    if (entry === undefined || verdict === undefined) continue;
    if (verdict instanceof Promise)
      return verdict.then((later) => (later ? refusal(entry[0], later) : speak(rules, i + 1, subject)));
    return refusal(entry[0], verdict);
  }
  return undefined;
}

/** Goes on when nothing was refused; at once when that is known at once. */
export function after(
  verdict: Later<Refusal | undefined>,
  go: () => Later<Refusal | undefined>,
): Later<Refusal | undefined> {
  if (verdict === undefined) return go();
  return verdict instanceof Promise ? verdict.then((later) => later ?? go()) : verdict;
}
