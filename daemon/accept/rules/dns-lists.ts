/**
 * Lists in the DNS: how they are asked, what their answers weigh, what the sum means. Pure.
 *
 * An answer is an address in 127.0.0.0/8; others come from resolvers that answer everything, or from a domain that was
 * sold, and say nothing. 127.255.255.0/24 is how a list says that it does not answer us.
 *
 * Spec:   RFC 5782 §2.1 (IPv4), §2.4 (IPv6), §5 (127.0.0.1 is on no list that works).
 */
import type { ListEntry, ListsEntry } from "../../directory/protection.ts";
import { ipv4Number, reversed } from "../../kit/cidr.ts";

/** What a list says of a client. */
export interface Listing {
  readonly zone: string;
  readonly answer: string;
  readonly weight: number;
}

/** The name that asks a list for an address. */
export const listName = (address: string, zone: string): string | undefined => {
  const name = reversed(address);
  return name && `${name.labels}.${zone}`;
};

/** Not listed anywhere, so a list that holds it holds everybody. */
export const neverListed = "127.0.0.1";

/** What of the answers means something. */
export function meant(answers: readonly string[]): readonly string[] {
  return answers.filter((answer) => /^127\./.test(answer) && !/^127\.255\.255\./.test(answer));
}

export function listingOf(list: ListEntry, answers: readonly string[]): Listing | undefined {
  const { zone } = list;
  const [first] = answers;
  if (first === undefined) return undefined;
  if (list.answers.length === 0) return { zone, answer: first, weight: list.weight };
  for (const { first, last, weight } of list.answers) {
    const answer = answers.find((text) => {
      const number = ipv4Number(text);
      return number !== undefined && first <= number && number <= last;
    });
    if (answer !== undefined) return { zone, answer, weight };
  }
  return undefined;
}

export const sumOf = (listings: readonly Listing[]): number =>
  listings.reduce((sum, { weight }) => sum + weight, 0);

export function listAction(
  sum: number,
  { rejectAt, junkAt, markAt }: ListsEntry,
): "Reject" | "Junk" | "Mark" | "Off" {
  if (sum >= (rejectAt ?? Number.POSITIVE_INFINITY)) return "Reject";
  if (sum >= (junkAt ?? Number.POSITIVE_INFINITY)) return "Junk";
  return sum >= (markAt ?? Number.POSITIVE_INFINITY) ? "Mark" : "Off";
}
