/**
 * What a domain does about strangers before it takes a message of theirs: its choices, parsed once.
 *
 * In:     `inbound` of a checked MailDomain; parts of it may be missing in a record that was published before they
 *         existed, and then have the defaults of the CRD.
 * Out:    numbers and ranges; `greylisting` absent: it is off; `looks`: something about the client must be looked up.
 * Fails:  never; a range that is none matches nothing.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type {
  DnsList,
  DnsLists,
  Greylisting,
  HeloActions,
  Inbound,
  ReverseDnsActions,
  Tarpit,
} from "../../crds/types.ts";
import { ipv4Number } from "../kit/cidr.ts";

export interface AnswerWeight {
  readonly first: number;
  readonly last: number;
  readonly weight: number;
}

export interface ListEntry {
  readonly zone: string;
  readonly weight: number;
  /** Empty: every answer has the list's weight. */
  readonly answers: readonly AnswerWeight[];
}

export interface ListsEntry extends Omit<DnsLists, "lists"> {
  readonly lists: readonly ListEntry[];
}

export interface GreylistEntry {
  readonly delayMs: number;
  readonly withinMs: number;
  readonly keepMs: number;
  /** 0: never. */
  readonly allowAfter: number;
}

export interface TarpitEntry {
  readonly after: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface Protection {
  readonly helo: HeloActions;
  readonly reverseDns: ReverseDnsActions;
  readonly dnsLists: ListsEntry;
  readonly greylisting?: GreylistEntry;
  readonly tarpit: TarpitEntry;
  readonly looks: boolean;
}

const noHelo: HeloActions = { ownName: "Off", literal: "Off", unqualified: "Off", unresolvable: "Off" };
const noReverse: ReverseDnsActions = { missing: "Off", mismatch: "Off" };
const usualTarpit: Tarpit = { after: 20, first: "1s", longest: "15s" };

export function protectionOf(inbound: Partial<Inbound> = {}): Protection {
  const { helo = noHelo, reverseDns = noReverse, dnsLists = { lists: [] }, greylisting } = inbound;
  const off = [helo, reverseDns].every((actions) =>
    Object.values(actions).every((action) => action === "Off"),
  );
  return {
    helo,
    reverseDns,
    dnsLists: { ...dnsLists, lists: dnsLists.lists.map(listEntry) },
    ...(greylisting?.enabled ? { greylisting: greylistEntry(greylisting) } : {}),
    tarpit: tarpitEntry(inbound.tarpit ?? usualTarpit),
    looks: !off || dnsLists.lists.length > 0,
  };
}

const listEntry = ({ zone, weight, answers }: DnsList): ListEntry => ({
  zone: zone.toLowerCase(),
  weight,
  answers: answers.flatMap(({ match, weight }) => {
    const [from = "", to = from] = match.split("-");
    const [first, last] = [ipv4Number(from), ipv4Number(to)];
    return first === undefined || last === undefined ? [] : [{ first, last, weight }];
  }),
});

const greylistEntry = ({ delay, within, keep, allowAfter }: Greylisting): GreylistEntry => ({
  delayMs: parseDuration(delay) ?? 0,
  withinMs: parseDuration(within) ?? 0,
  keepMs: parseDuration(keep) ?? 0,
  allowAfter,
});

const tarpitEntry = ({ after, first, longest }: Tarpit): TarpitEntry => ({
  after,
  firstMs: parseDuration(first) ?? 0,
  longestMs: parseDuration(longest) ?? 0,
});
