/**
 * Where things lie in the streams `M<i>`: one stream holds whole mailboxes, chosen by the hash of the name.
 *
 *   `m<i>.m.<mailbox>`                       the ledger: folders, UIDs, figures
 *   `m<i>.r.<mailbox>.<folder>.<uid>`        a message's record
 *   `m<i>.d.<body>.<mailbox>.<delivery>`     this delivery has been filed; it is also what refers to the body
 *   `m<i>.b.<body>.<chunk>`                  the octets of a body, shared by the stream's mailboxes
 *   `m<i>.h.<body>`                          the body's head: its digest; proves that all its chunks are there
 *   `m<i>.v.<mailbox>.<folder>`              what has vanished from a folder lately
 *   `m<i>.g.<body>`                          perhaps nothing refers to this body any more: for the collector
 *   `m<i>.o.<receipt>`                       a unit that makes nothing new was stored; short-lived
 *   `m<i>.s.<mailbox>`                       the user's Sieve scripts (`scripts.ts`)
 *   `m<i>.a.<mailbox>.<key>`                 somebody was answered automatically; goes by its TTL
 *   `m<i>.p.<mailbox>.<app password>`        when it was used last (`uses.ts`); goes by its TTL
 *   `m<i>.l.<mailbox>`                       who has the mailbox for himself; short-lived
 *
 * The kind comes first, so that all ledgers, a folder's records, or a body's references have a common prefix, which
 * the server finds without walking every subject.
 */
import type { MailboxName } from "../../mailbox/store.ts";
import { hash } from "../codec.ts";

/** A number of the installation's; or `-<namespace>`: the mailboxes of a namespace that has a stream of its own. */
export type Shard = number | `-${string}`;

export const mailStream = (shard: Shard): string => `M${shard}`;
export const shardOf = (mailbox: MailboxName, shards: number): number => hash(mailbox) % shards;

export const everything = (shard: Shard): string => `m${shard}.>`;
export const everyLedger = (shard: Shard): string => `m${shard}.m.*`;
export const ledgerSubject = (shard: Shard, mailbox: MailboxName): string =>
  `m${shard}.m.${encodeToken(mailbox)}`;
export const recordSubject = (shard: Shard, mailbox: MailboxName, folder: number, uid: number): string =>
  `m${shard}.r.${encodeToken(mailbox)}.${folder}.${uid}`;
export const folderRecords = (shard: Shard, mailbox: MailboxName, folder: number): string =>
  `m${shard}.r.${encodeToken(mailbox)}.${folder}.*`;
export const deliverySubject = (
  shard: Shard,
  bodyId: string,
  mailbox: MailboxName,
  deliveryId: string,
): string => `m${shard}.d.${encodeToken(bodyId)}.${encodeToken(mailbox)}.${encodeToken(deliveryId)}`;
export const chunkSubject = (shard: Shard, bodyId: string, chunk: number): string =>
  `m${shard}.b.${encodeToken(bodyId)}.${chunk}`;

export const headSubject = (shard: Shard, bodyId: string): string => `m${shard}.h.${encodeToken(bodyId)}`;
export const logSubject = (shard: Shard, mailbox: MailboxName, folder: number): string =>
  `m${shard}.v.${encodeToken(mailbox)}.${folder}`;
export const garbageSubject = (shard: Shard, bodyId: string): string => `m${shard}.g.${encodeToken(bodyId)}`;
export const everyGarbage = (shard: Shard): string => `m${shard}.g.*`;
export const receiptSubject = (shard: Shard, id: string): string => `m${shard}.o.${id}`;
export const leaseSubject = (shard: Shard, name: string): string => `m${shard}.l.${encodeToken(name)}`;
export const bodyMarks = (shard: Shard, bodyId: string): string => `m${shard}.d.${encodeToken(bodyId)}.>`;
export const bodyChunks = (shard: Shard, bodyId: string): string => `m${shard}.b.${encodeToken(bodyId)}.*`;
/** What tells of changes of mailboxes, all of them. */
export const everyChange = (shard: Shard): string[] =>
  ["m.*", "r.*.*.*", "v.*.*"].map((rest) => `m${shard}.${rest}`);

const lastToken = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);
export const mailboxOf = (ledger: string): MailboxName => decodeToken(lastToken(ledger)) as MailboxName;
export const bodyOf = (garbage: string): string => decodeToken(lastToken(garbage));
export const uidOf = (record: string): number => Number(lastToken(record));

const PLAIN = /^[A-Za-z0-9_@+-]+$/;
const DOTTED = /^[A-Za-z0-9_@+.-]+$/;

/** Any text as one subject token: octets beyond letters, digits and `_ @ + -` become `=HH`. Never empty. */
export function encodeToken(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text === "") return "=";
  if (DOTTED.test(text)) return text.replaceAll(".", "=2E"); // nearly every address
  return text.replace(/[^A-Za-z0-9_@+-]/gu, (character) => {
    const octets = Buffer.from(character).toString("hex").toUpperCase();
    return octets.replace(/../g, "=$&");
  });
}

export function decodeToken(token: string): string {
  if (PLAIN.test(token)) return token;
  if (token === "=") return "";
  const octets = token.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, "latin1").toString("utf8");
}
