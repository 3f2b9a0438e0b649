/**
 * Whose content filters see a message, and how they get to see it.
 *
 * Strangers' mail is shown to the filters of the domains in which its recipients were named; what users and listed clients
 * send, to those of the domain that they send from.
 */
import type { Directory } from "../directory/directory.ts";
import type { Domain } from "../mail/address.ts";
import { domainOf } from "../mail/address.ts";
import type { Guarded } from "./screening.ts";
import type { Transaction } from "./transaction.ts";

export interface Guards {
  readonly guarded: readonly Guarded[];
  readonly outbound: boolean;
}

/** `undefined`: nobody looks. */
export function guardsOf(transaction: Transaction, directory: Directory): Guards | undefined {
  const outbound = transaction.standing.kind !== "stranger";
  const guarded = outbound ? ofSender(transaction, directory) : ofRecipients(transaction);
  return guarded.length === 0 ? undefined : { guarded, outbound };
}

const ofRecipients = ({ guarded }: Transaction): readonly Guarded[] =>
  guarded.size === 0
    ? []
    : [...guarded].map(([entry, recipients]) => ({ entry, filters: entry.filters.inbound, recipients }));

function ofSender({ standing, sender, recipients }: Transaction, directory: Directory): readonly Guarded[] {
  const address = standing.kind === "user" ? standing.mailbox.address : sender.path;
  const entry = address === "" ? undefined : directory.domain(domainOf(address) as Domain);
  if (entry === undefined || entry.filters.outbound.length === 0) return [];
  const to = recipients.placed.map(({ recipient }) => recipient.address);
  return [{ entry, filters: entry.filters.outbound, recipients: to }];
}

/** The message without the octets that we put in front of it, and with our results field instead. */
export async function* shown(
  octets: AsyncIterable<Uint8Array>,
  front: number,
  field: string,
): AsyncIterable<Uint8Array> {
  if (field !== "") yield Buffer.from(field);
  let skip = front;
  for await (const part of octets) {
    if (skip < part.length) yield part.subarray(skip);
    skip = Math.max(0, skip - part.length);
  }
}
