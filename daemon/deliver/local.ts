/**
 * Local delivery: a job's recipients into their mailboxes.
 *
 * In:     a job of class `local`, the directory as it is now, the mailbox store.
 * Out:    one outcome per recipient, in order. Recipients are filed side by side; the store shares the octets.
 * Fails:  when the signal aborts, and on a fault of ours. Repeating is safe: what was filed is recognised.
 * Spec:   RFC 5321 §4.4 (Return-Path), RFC 9051 §2.3.3 (INTERNALDATE is the time of final delivery), RFC 3463 §3.3,
 *         RFC 5233 (a detail after the separator does not choose another mailbox).
 */
import { createHash } from "node:crypto";
import type { Directory, DomainEntry, MailboxEntry } from "../directory/directory.ts";
import type { Address } from "../mail/address.ts";
import type { Recipient } from "../mail/envelope.ts";
import type { Outcome, Outgoing } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import { oneLine } from "../mail/text.ts";
import { deliveryPrefix } from "../mail/trace.ts";
import { type Filed, type MailboxStore, mailboxName, StoreUnavailable } from "../mailbox/store.ts";
import type { MessageId, Queued } from "../queue/job.ts";
import { BodyMissing, type Queue, QueueError } from "../queue/queue.ts";
import type { Filter } from "./filter/filter.ts";

export interface LocalDelivery {
  readonly queued: Queued;
  readonly domain: DomainEntry;
  readonly directory: Directory;
  readonly store: Pick<MailboxStore, "deliver">;
  readonly queue: Pick<Queue, "body">;
  /** Runs the mailbox's script, if it has one. */
  readonly filter?: Pick<Filter, "treat">;
  /** ms since the epoch */
  readonly now: number;
  readonly signal: AbortSignal;
}

export function deliverLocally(delivery: LocalDelivery): Promise<readonly Outcome[]> {
  const { recipients } = delivery.queued.job;
  return Promise.all(recipients.map((recipient) => toOne(delivery, recipient)));
}

async function toOne(delivery: LocalDelivery, recipient: Recipient): Promise<Outcome> {
  const { address } = recipient;
  const entry = mailboxFor(delivery, address);
  if (!entry) return noMailbox;
  if (entry.spec.suspended) return suspended;
  try {
    if (recipient.sent) return outcomeOf([await file(delivery, address, entry, sentPlace(recipient.sent))]);
    return await arrived(delivery, recipient, entry);
  } catch (error) {
    if (error instanceof BodyMissing) return octetsLost;
    if (error instanceof StoreUnavailable || error instanceof QueueError) return storeAway;
    throw error;
  }
}

/** What is junk already runs no script: it is neither sent on nor answered. */
async function arrived(delivery: LocalDelivery, recipient: Recipient, entry: MailboxEntry): Promise<Outcome> {
  const { queued, filter, directory, now, signal } = delivery;
  const { address } = recipient;
  const usual = arrivalPlace(delivery, recipient);
  const id = deliveryId(queued.job.message, address);
  const arrival = { queued, recipient, entry, directory, prefix: usual.prefix, deliveryId: id, now, signal };
  const treatment = recipient.junk ? undefined : await filter?.treat(arrival);
  if (treatment === undefined) return outcomeOf([await file(delivery, address, entry, usual)]);
  const { filings, sends, reject } = treatment;
  if (reject !== undefined) return rejected(reject);
  // Side by side: what goes into one mailbox at once is one batch of the store.
  const filed = await Promise.all(
    filings.map(({ folder, flags }) =>
      file(delivery, address, entry, { ...usual, folder, flags, which: folder === inbox ? "" : folder }),
    ),
  );
  return withSends(outcomeOf(filed), sends);
}

function withSends(outcome: Outcome, sends: readonly Outgoing[]): Outcome {
  return outcome.kind !== "delivered" || sends.length === 0 ? outcome : { ...outcome, sends };
}

/**
 * Aliases and forwarding were followed when the message was accepted. A mailbox that has begun to forward since then,
 * still gets what was accepted for it.
 */
function mailboxFor({ directory, domain }: LocalDelivery, address: Address): MailboxEntry | undefined {
  const found = directory.resolve(address);
  if (found.kind === "mailbox") return found.mailbox;
  if (found.kind === "expand" && found.keep) return found.keep;
  const entry = directory.mailbox(mailboxName(address));
  return entry?.namespace === domain.namespace ? entry : undefined;
}

const inbox = "INBOX";
const junkFolder = "Junk";
const sentFolder = "Sent";

/** Where a copy goes, and how it begins there. */
interface Place {
  readonly folder: string;
  readonly prefix: string;
  readonly flags: readonly string[];
  /** Tells this copy from others of the same message for the same address; "" for the one that always is. */
  readonly which: string;
}

const arrivalPlace = ({ queued }: LocalDelivery, { address, junk }: Recipient): Place => {
  const { sender, prepend = "" } = queued.job;
  const prefix = deliveryPrefix({ returnPath: sender.path, deliveredTo: address }) + prepend;
  return { folder: junk ? junkFolder : inbox, prefix, flags: [], which: "" };
};

/** It was read when it was written. */
const sentPlace = ({ bcc }: { readonly bcc: string }): Place => ({
  folder: sentFolder,
  prefix: bcc,
  flags: ["\\Seen"],
  which: "sent",
});

interface Placed {
  readonly folder: string;
  readonly filed: Filed;
}

async function file(
  delivery: LocalDelivery,
  address: Address,
  entry: MailboxEntry,
  { folder, prefix, flags, which }: Place,
): Promise<Placed> {
  const { queued, queue, store, now, signal } = delivery;
  const { message, body } = queued.job;
  const filed = await store.deliver(
    {
      mailbox: entry.mailbox,
      folder,
      deliveryId: deliveryId(message, address, which),
      prefix,
      bodyId: message,
      size: body.size,
      body: () => queue.body(queued, signal),
      receivedAt: now,
      flags,
      quota: entry.quota,
    },
    signal,
  );
  return { folder, filed };
}

/** The same for every attempt to bring this message to this recipient; 22 characters, fit for any store. */
export const deliveryId = (message: MessageId, address: Address, which = ""): string =>
  createHash("sha256")
    .update(`${message}-${address.toLowerCase()}${which && `\0${which}`}`)
    .digest("base64url")
    .slice(0, 22);

function outcomeOf(placed: readonly Placed[]): Outcome {
  if (placed.some(({ filed }) => filed.kind === "overQuota")) return mailboxFull;
  const places = placed.flatMap(({ folder, filed }) =>
    filed.kind === "filed" ? [`in ${oneLine(folder, 200)} as UID ${filed.uid}`] : [],
  );
  if (places.length > 0) return delivered(`Filed ${places.join(" and ")}`);
  return delivered(
    placed.length > 0 ? "Filed by an earlier attempt" : "Not kept, as the mailbox's script says",
  );
}

/** The sender hears so by a DSN: the message was taken in already. */
const rejected = (reason: string): Outcome => ({
  kind: "failed",
  bounce: "policy",
  reply: reply(550, "5.7.1", oneLine(reason, 500) || "The recipient does not want this message"),
});

const delivered = (text: string): Outcome => ({
  kind: "delivered",
  how: "final",
  reply: reply(250, "2.1.5", text),
});
const noMailbox: Outcome = {
  kind: "failed",
  reply: reply(550, "5.1.1", "The mailbox does not exist any more"),
};
const suspended: Outcome = {
  kind: "deferred",
  reply: reply(450, "4.2.1", "The mailbox is suspended at the moment"),
};
const mailboxFull: Outcome = { kind: "deferred", reply: reply(452, "4.2.2", "The mailbox is full") };
const storeAway: Outcome = {
  kind: "deferred",
  reply: reply(451, "4.3.0", "The mailbox store is not available just now"),
};
/** Nothing is left to deliver; the sender must know. */
const octetsLost: Outcome = {
  kind: "failed",
  reply: reply(554, "5.3.0", "The content of the message was lost here"),
};
