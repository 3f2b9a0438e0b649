/**
 * The mailbox store in memory: for unit tests and for trying things out. Nothing outlives the process.
 *
 * Spec: the port's own contract, proven by `test/contract/mailbox.ts`.
 */
import type { Clock } from "../kit/clock.ts";
import { emptyLedger, type FolderLedger, file, folderOf, type Ledger, statusOf } from "./ledger.ts";
import {
  type Delivery,
  type Filed,
  type MailboxName,
  type MailboxStatus,
  type MailboxStore,
  type StoredMessage,
  StoreUnavailable,
  type Uid,
} from "./store.ts";

interface Kept extends StoredMessage {
  readonly prefix: Uint8Array;
  readonly body: Uint8Array;
}

interface Box {
  ledger: Ledger;
  readonly delivered: Set<string>;
  /** By folder id, in UID order: UIDs only rise. */
  readonly kept: Map<number, Kept[]>;
}

export class MemoryMailboxStore implements MailboxStore {
  readonly #clock: Pick<Clock, "now">;
  readonly #boxes = new Map<MailboxName, Box>();
  readonly #bodies = new Map<string, Promise<Uint8Array>>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    signal.throwIfAborted();
    const body = await this.#body(delivery);
    signal.throwIfAborted();
    const box = this.#box(delivery.mailbox);
    const id = `${delivery.bodyId} ${delivery.deliveryId}`;
    if (box.delivered.has(id)) return { kind: "duplicate" };
    const { folder, flags, receivedAt, quota } = delivery;
    const prefix = Buffer.from(delivery.prefix);
    const size = prefix.length + delivery.size;
    const place = file(box.ledger, { folder, flags, size, now: this.#clock.now() }, quota);
    if (place.kind === "overQuota") return place;
    const { uid, modseq } = place;
    box.ledger = place.ledger;
    box.delivered.add(id);
    const kept = box.kept.get(place.folder.id) ?? [];
    box.kept.set(place.folder.id, kept);
    kept.push({
      folder: place.folder.name,
      uid,
      flags,
      internalDate: receivedAt,
      size,
      modseq,
      prefix,
      body,
    });
    return { kind: "filed", uid, uidValidity: place.folder.uidValidity };
  }

  /** Read once per body, however many deliveries ask for it at the same time; who fails does not fail the others. */
  async #body(delivery: Delivery): Promise<Uint8Array> {
    for (;;) {
      const known = this.#bodies.get(delivery.bodyId);
      if (!known) break;
      const body = await known.catch(() => undefined);
      if (body) return body;
    }
    const body = collect(delivery);
    this.#bodies.set(delivery.bodyId, body);
    body.catch(() => this.#bodies.delete(delivery.bodyId));
    return body;
  }

  #box(mailbox: MailboxName): Box {
    const found = this.#boxes.get(mailbox);
    if (found) return found;
    const made: Box = { ledger: emptyLedger, delivered: new Set(), kept: new Map() };
    this.#boxes.set(mailbox, made);
    return made;
  }

  async status(mailbox: MailboxName): Promise<MailboxStatus | undefined> {
    const box = this.#boxes.get(mailbox);
    return box && box.ledger.folders.length > 0 ? statusOf(mailbox, box.ledger) : undefined;
  }

  async *mailboxes(): AsyncIterable<MailboxStatus> {
    for (const [mailbox, { ledger }] of this.#boxes)
      if (ledger.folders.length > 0) yield statusOf(mailbox, ledger);
  }

  async *messages(mailbox: MailboxName, folder: string): AsyncIterable<StoredMessage> {
    for (const { prefix, body, ...message } of this.#kept(mailbox, folder)) yield message;
  }

  async read(mailbox: MailboxName, folder: string, uid: Uid): Promise<AsyncIterable<Uint8Array> | undefined> {
    const message = this.#kept(mailbox, folder).find((kept) => kept.uid === uid);
    return message && octets(message);
  }

  #kept(mailbox: MailboxName, folder: string): readonly Kept[] {
    const box = this.#boxes.get(mailbox);
    const found: FolderLedger | undefined = box && folderOf(box.ledger, folder);
    return (found && box?.kept.get(found.id)) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#boxes.clear();
    this.#bodies.clear();
  }
}

async function collect({ body, bodyId, size }: Delivery): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of body()) parts.push(part);
  const octets = Buffer.concat(parts);
  if (octets.length === size) return octets;
  throw new StoreUnavailable(`body ${bodyId} has ${octets.length} octets, not ${size}`);
}

async function* octets(message: Kept): AsyncIterable<Uint8Array> {
  if (message.prefix.length > 0) yield message.prefix;
  yield message.body;
}
