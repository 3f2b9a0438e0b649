/**
 * Rules: each looks at one side of a command and is silent, or refuses with a reply.
 *
 * The first rule with an opinion speaks for the chain; silence means welcome. Rules answer at once wherever they can:
 * a chain makes a promise only when one of its rules does.
 */
import type { Directory } from "../../directory/directory.ts";
import type { Address } from "../../mail/address.ts";
import type { Sender } from "../../mail/envelope.ts";
import type { Caller, Later, Verdict } from "../../smtp/mailroom.ts";
import type { Expansion } from "../expand.ts";
import type { Standing } from "../standing.ts";

export type Rule<Subject> = (subject: Subject) => Later<Verdict>;

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

export const chain =
  <Subject>(...rules: readonly Rule<Subject>[]): Rule<Subject> =>
  (subject) =>
    speak(rules, 0, subject);

function speak<Subject>(rules: readonly Rule<Subject>[], from: number, subject: Subject): Later<Verdict> {
  for (let i = from; i < rules.length; i++) {
    const verdict = rules[i]?.(subject);
    if (verdict === undefined) continue;
    if (verdict instanceof Promise) return verdict.then((later) => later ?? speak(rules, i + 1, subject));
    return verdict;
  }
  return undefined;
}
