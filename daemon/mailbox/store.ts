/**
 * The mailbox store port: what local delivery, IMAP, POP3 and the operator's commands ask of it. `daemon/nats`
 * implements it on JetStream, `daemon/mailbox/memory.ts` in memory; `test/contract/mailbox.ts` holds both to one suite.
 *
 * A message is filed with its UID, the quota's new figures and the delivery id in one atomic batch: after a crash it is
 * there wholly, or not at all, and a repeated delivery of the same id is recognised.
 */
import type { Branded } from "../kit/brand.ts";
import type { Address } from "../mail/address.ts";

/** A mailbox's key in the store: its canonical address with lower-case local part. */
export type MailboxName = Branded<string, "MailboxName">;

/** Strictly rising within a folder, 1 … 2^32-1. RFC 9051 §2.3.1.1 */
export type Uid = Branded<number, "Uid">;

export interface Quota {
  /** Octets; `undefined`: unlimited. */
  readonly bytes?: number;
  readonly messages?: number;
}

export interface Delivery {
  readonly mailbox: MailboxName;
  /** Folder to file into; `INBOX` unless a filter says otherwise. Created when it does not exist. */
  readonly folder: string;
  /**
   * Together with mailbox and body: what was filed under the same id is not filed again, however often it is delivered
   * (remembered while the message is there, and at least for the queue's lifetime).
   */
  readonly deliveryId: string;
  /** Trace lines for this mailbox only (Return-Path, Delivered-To), CRLF-ended; the shared body stays as it is. */
  readonly prefix: string;
  /** Names the shared octets: deliveries of one message to several mailboxes give the same id. */
  readonly bodyId: string;
  /** Octets of the body without prefix. */
  readonly size: number;
  /**
   * The octets, `size` of them; read at most once, and not at all when the store knows that it holds `bodyId`. A piece
   * stays as it is until the delivery has ended: the store does not copy it.
   */
  readonly body: () => AsyncIterable<Uint8Array>;
  /** ms since the epoch; becomes INTERNALDATE. */
  readonly receivedAt: number;
  readonly flags: readonly string[];
  readonly quota: Quota;
}

export type Filed =
  | { readonly kind: "filed"; readonly uid: Uid; readonly uidValidity: number }
  | { readonly kind: "duplicate" }
  | { readonly kind: "overQuota"; readonly used: number; readonly limit: number };

export interface FolderStatus {
  readonly name: string;
  readonly uidValidity: number;
  readonly uidNext: Uid;
  readonly messages: number;
  readonly unseen: number;
  readonly bytes: number;
}

export interface MailboxStatus {
  readonly mailbox: MailboxName;
  readonly bytes: number;
  readonly messages: number;
  readonly folders: readonly FolderStatus[];
}

export interface StoredMessage {
  readonly folder: string;
  readonly uid: Uid;
  readonly flags: readonly string[];
  /** ms since the epoch */
  readonly internalDate: number;
  /** Octets, prefix included: RFC822.SIZE. */
  readonly size: number;
  readonly modseq: number;
}

/** The store cannot answer now (NATS away, slow or full): the caller defers. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** The store was brought back from a copy: what was known of the mailbox is not so. Whoever opens it anew sees what is. */
export class BroughtBack extends StoreUnavailable {
  constructor() {
    super("the mailbox was brought back from a copy");
  }
}

export interface MailboxStore extends AsyncDisposable {
  deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed>;
  /** Figures of one mailbox, or `undefined` when nothing was ever filed there. Cheap: from its meta record. */
  status(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxStatus | undefined>;
  /** Every mailbox that holds or held something. */
  mailboxes(signal: AbortSignal): AsyncIterable<MailboxStatus>;
  /** Messages of a folder in UID order. */
  messages(mailbox: MailboxName, folder: string, signal: AbortSignal): AsyncIterable<StoredMessage>;
  /** A message's octets, prefix first; `undefined` when it does not exist. */
  read(
    mailbox: MailboxName,
    folder: string,
    uid: Uid,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** `Bob@Example.org` and `bob@example.org` are one mailbox. */
export const mailboxName = (address: Address): MailboxName => address.toLowerCase() as string as MailboxName;
