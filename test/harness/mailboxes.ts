/**
 * Deliveries for tests of mailbox stores, and what tests read back.
 */
import assert from "node:assert/strict";
import type { Address } from "../../daemon/mail/address.ts";
import {
  type Delivery,
  type Filed,
  type MailboxName,
  type MailboxStatus,
  type MailboxStore,
  mailboxName,
  type StoredMessage,
  type Uid,
} from "../../daemon/mailbox/store.ts";

export const mailbox = (address: string): MailboxName => mailboxName(address as Address);
export const bob = mailbox("bob@example.org");
export const alice = mailbox("alice@example.org");
export const calm = new AbortController().signal;

export const prefix = "Return-Path: <a@example.test>\r\nDelivered-To: bob@example.org\r\n";
let serial = 0;

/** A delivery of `text`; `over` changes what a test is about. */
export function delivery(text: string | Uint8Array, over: Partial<Delivery> = {}): Delivery {
  const octets = Buffer.from(text);
  serial++;
  return {
    mailbox: bob,
    folder: "INBOX",
    deliveryId: `delivery${serial}`,
    prefix,
    bodyId: `body${serial}`,
    size: octets.length,
    body: () => pieces(octets),
    receivedAt: 1_700_000_000_000,
    flags: [],
    quota: {},
    ...over,
  };
}

export async function* pieces(octets: Uint8Array, size = 100_000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export const uids = async (store: MailboxStore, box = bob, folder = "INBOX"): Promise<number[]> =>
  (await all<StoredMessage>(store.messages(box, folder, calm))).map((message) => message.uid);

export async function text(
  store: MailboxStore,
  uid: number,
  box = bob,
  folder = "INBOX",
): Promise<string | undefined> {
  const octets = await store.read(box, folder, uid as Uid, calm);
  return octets && Buffer.concat(await all(octets)).toString();
}

export function uidOf(filed: Filed): number {
  assert.equal(filed.kind, "filed");
  return filed.kind === "filed" ? filed.uid : 0;
}

/** The figures of a status agree with each other and with the list of messages. */
export async function checkFigures(store: MailboxStore, box = bob): Promise<MailboxStatus> {
  const status = await store.status(box, calm);
  assert.ok(status);
  const sums = { messages: 0, bytes: 0 };
  for (const folder of status.folders) {
    const messages = await all(store.messages(box, folder.name, calm));
    assert.equal(folder.messages, messages.length);
    assert.equal(
      folder.bytes,
      messages.reduce((sum, message) => sum + message.size, 0),
    );
    assert.equal(folder.unseen, messages.filter((message) => !message.flags.includes("\\Seen")).length);
    assert.ok(messages.every((message) => message.uid < folder.uidNext));
    sums.messages += folder.messages;
    sums.bytes += folder.bytes;
  }
  assert.deepEqual(sums, { messages: status.messages, bytes: status.bytes });
  return status;
}
