/**
 * Holds the books against each other. Pure: the scenario decides what it does not forgive.
 *
 * In:     the ledger, what lies in the mailboxes, the reports that came to the sender.
 * Out:    an `Account`: figures, and by name whatever should not be.
 *
 * Rules
 * - Accepted: every recipient has the message, or its report.                                    else `lost`
 * - Refused or unknown after the final dot: every recipient has it, or none.                    else `partial`
 * - Never brought to the final dot: nobody has it.                                               else `phantoms`
 * - A second copy at the next hop needs a reason: the delivery before it was in flight when something was killed,
 *   that is, the next hop took it at most `settlingMs` before, or while the victim was down.     else `unexplained`
 * - Mailboxes hold a message once; a failure is reported once. No reason is good enough.         else `filedTwice`, …
 */
import type { Copy, Expected, Ledger, Outage, Sent } from "./ledger.ts";

export interface Books {
  readonly ledger: Pick<Ledger, "sent" | "copies" | "outages" | "damaged">;
  /** Message ids by mailbox, as often as they lie there. */
  readonly filed: ReadonlyMap<string, readonly string[]>;
  /** Addresses that failure reports speak of, as often as they do. */
  readonly reported: readonly string[];
}

export interface Duplicate {
  readonly address: string;
  readonly outage: Outage;
  /** How long before the kill the first copy was taken, ms; negative: while the victim was down. */
  readonly lead: number;
}

export interface Account {
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  readonly unsent: number;
  /** Recipients of accepted messages. */
  readonly promised: number;
  readonly lost: readonly string[];
  readonly partial: readonly string[];
  readonly phantoms: readonly string[];
  readonly damaged: readonly string[];
  readonly duplicates: readonly Duplicate[];
  readonly unexplained: readonly string[];
  readonly filedTwice: readonly string[];
  readonly reportedTwice: readonly string[];
}

/** A delivery is settled within this, or its settlement was late enough to be a fault of its own. (Slow disks: more.) */
export const SETTLING_MS = 2_000;

export function reconcile(books: Books, settlingMs = SETTLING_MS): Account {
  const { sent, outages, damaged } = books.ledger;
  const arrived = arrivals(books);
  const has = (id: string, { address, fate }: Expected) => arrived[fate].has(keyOf(fate, id, address));
  const counts = { accepted: 0, refused: 0, unknown: 0, unsent: 0 };
  const lost: string[] = [];
  const partial: string[] = [];
  const phantoms: string[] = [];
  let promised = 0;
  for (const message of sent.values()) {
    const missing = message.expected.filter((expected) => !has(message.id, expected));
    const kind = message.told?.kind ?? "unknown";
    counts[kind]++;
    if (kind === "accepted") promised += message.expected.length;
    if (kind === "accepted") lost.push(...missing.map(({ address }) => `${message.id} for ${address}`));
    else if (missing.length === message.expected.length) continue;
    else if (isUnfinished(message)) phantoms.push(message.id);
    else if (missing.length > 0) partial.push(message.id);
  }
  return {
    ...counts,
    promised,
    lost,
    partial,
    phantoms,
    damaged,
    ...again(arrived.sink, outages, settlingMs),
    filedTwice: [...twice(arrived.mailbox)],
    reportedTwice: [...twice(arrived.bounce)],
  };
}

type Arrived = Readonly<Record<Expected["fate"], ReadonlyMap<string, readonly number[]>>>;

/** Addresses elsewhere belong to one message, so they say it all; a mailbox gets many. */
const keyOf = (fate: Expected["fate"], id: string, address: string) =>
  fate === "mailbox" ? `${address} ${id}` : address;

function arrivals({ ledger, filed, reported }: Books): Arrived {
  const arrived = { sink: new Map(), mailbox: new Map(), bounce: new Map() } as Record<
    Expected["fate"],
    Map<string, number[]>
  >;
  const add = (map: Map<string, number[]>, key: string, at: number) => {
    const times = map.get(key);
    if (times) times.push(at);
    else map.set(key, [at]);
  };
  for (const { id, address, at } of ledger.copies as readonly Copy[])
    add(arrived.sink, keyOf("sink", id, address), at);
  for (const [mailbox, ids] of filed)
    for (const id of ids) add(arrived.mailbox, keyOf("mailbox", id, mailbox), 0);
  for (const address of reported) add(arrived.bounce, address, 0);
  return arrived;
}

const isUnfinished = ({ told }: Sent): boolean =>
  told?.kind === "unsent" || (told?.kind === "refused" && !told.complete);

function* twice(arrived: ReadonlyMap<string, readonly number[]>): Iterable<string> {
  for (const [key, times] of arrived) for (let n = 1; n < times.length; n++) yield key;
}

function again(
  arrived: ReadonlyMap<string, readonly number[]>,
  outages: readonly Outage[],
  settlingMs: number,
): Pick<Account, "duplicates" | "unexplained"> {
  const duplicates: Duplicate[] = [];
  const unexplained: string[] = [];
  for (const [address, unsorted] of arrived) {
    const times = unsorted.length > 1 ? unsorted.toSorted((a, b) => a - b) : unsorted;
    for (let n = 1; n < times.length; n++) {
      const first = times[n - 1] as number;
      const second = times[n] as number;
      const outage = reasonFor(first, second, outages, settlingMs);
      if (outage) duplicates.push({ address, outage, lead: outage.at - first });
      else unexplained.push(`${address} at ${first.toFixed(0)} and ${second.toFixed(0)} ms`);
    }
  }
  return { duplicates, unexplained };
}

/**
 * The outage at which the first delivery was in flight. Of several in quick succession it is the last one before the
 * second copy: what only lost its store would have settled, had it lived on.
 */
function reasonFor(
  first: number,
  second: number,
  outages: readonly Outage[],
  settlingMs: number,
): Outage | undefined {
  const reasons = outages.filter(({ at, up }) => at - settlingMs <= first && first <= up && second >= at);
  return reasons.sort((a, b) => b.at - a.at)[0];
}
