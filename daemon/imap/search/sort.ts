/**
 * SORT.
 *
 * Spec:   RFC 5256 §2.2 (sent date), §3 (criteria; REVERSE turns one; what is equal goes by number).
 */
import type { Digest, EnvelopeAddress } from "../../mailbox/digest.ts";
import type { Message } from "../../mailbox/view.ts";
import { syntax } from "../answer.ts";
import type { Cursor } from "../wire/cursor.ts";
import { baseSubject, fold, sentDate } from "./fields.ts";

const criteria = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO"] as const;
export type Criterion = (typeof criteria)[number];

export interface Order {
  readonly by: Criterion;
  readonly reverse: boolean;
}

export const orders = (cursor: Cursor): Order[] =>
  cursor.list(() => {
    const reverse = cursor.skip("REVERSE ") || cursor.skip("reverse ");
    const name = cursor.word();
    const by = criteria.find((each) => each === name);
    if (by === undefined) throw syntax(`Unknown criterion ${name}`);
    return { by, reverse };
  }, 1);

export const needsDigests = (wanted: readonly Order[]): boolean =>
  wanted.some(({ by }) => by !== "ARRIVAL" && by !== "SIZE");

export const sentAt = (message: Message, digest: Digest | undefined): number =>
  sentDate(digest?.envelope.date ?? null)?.at ?? message.internalDate;

const mailboxOf = ([first]: readonly EnvelopeAddress[]): string => fold(first?.local ?? "");

/** What is compared of one message, and its place. */
export interface Row {
  readonly index: number;
  readonly keys: readonly (string | number)[];
}

export const rowOf = (
  index: number,
  message: Message,
  digest: Digest | undefined,
  wanted: readonly Order[],
): Row => ({ index, keys: wanted.map(({ by }) => keyOf(message, digest, by)) });

function keyOf(message: Message, digest: Digest | undefined, by: Criterion): string | number {
  switch (by) {
    case "ARRIVAL":
      return message.internalDate;
    case "SIZE":
      return message.size;
    case "DATE":
      return sentAt(message, digest);
    case "SUBJECT":
      return baseSubject(digest?.envelope.subject ?? null).text;
    case "FROM":
      return mailboxOf(digest?.envelope.from ?? []);
    case "TO":
      return mailboxOf(digest?.envelope.to ?? []);
    case "CC":
      return mailboxOf(digest?.envelope.cc ?? []);
  }
}

export const inOrder =
  (wanted: readonly Order[]) =>
  (a: Row, b: Row): number => {
    for (const [i, { reverse }] of wanted.entries()) {
      const [x = 0, y = 0] = [a.keys[i], b.keys[i]];
      if (x !== y) return x < y === reverse ? 1 : -1;
    }
    return a.index - b.index;
  };
