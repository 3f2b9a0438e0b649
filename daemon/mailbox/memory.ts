/**
 * The mailbox store in memory: for unit tests and for trying things out. Nothing outlives the process.
 *
 * Spec: the ports' own contracts, proven by `test/contract/mailbox.ts` and `test/contract/mailbox-session.ts`.
 */
import type { Clock } from "../kit/clock.ts";
import { flagSet } from "./flags.ts";
import { file, folderOf, statusOf } from "./ledger.ts";
import {
  collected,
  type MemoryBodies,
  type MemoryBody,
  MemoryBox,
  MemoryJournal,
  memoryBody,
} from "./memory-journal.ts";
import type { MessageRecord } from "./record.ts";
import type { Exclusive, MailboxAccess, MailboxSession, OpenOptions } from "./session.ts";
import { Sessions } from "./sessions.ts";
import type {
  Delivery,
  Filed,
  MailboxName,
  MailboxStatus,
  MailboxStore,
  StoredMessage,
  Uid,
} from "./store.ts";

export class MemoryMailboxStore implements MailboxStore, MailboxAccess {
  readonly #clock: Clock;
  readonly #boxes = new Map<MailboxName, MemoryBox>();
  readonly #bodies: MemoryBodies = new Map();
  /** Bodies that are being read. */
  readonly #coming = new Map<string, Promise<MemoryBody>>();
  readonly #sessions: Sessions;
  readonly #exclusive = new Set<MailboxName>();

  constructor(clock: Clock) {
    this.#clock = clock;
    const journal = (mailbox: MailboxName) => new MemoryJournal(mailbox, this.box(mailbox), this.#bodies);
    this.#sessions = new Sessions(journal, clock, () => 0.5);
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    signal.throwIfAborted();
    await this.#body(delivery);
    signal.throwIfAborted();
    const box = this.box(delivery.mailbox);
    const { folder, flags, receivedAt, quota, bodyId, prefix, deliveryId } = delivery;
    const id = `${bodyId} ${deliveryId}`;
    if (box.delivered.has(id)) return { kind: "duplicate" };
    const size = Buffer.byteLength(prefix) + delivery.size;
    const now = this.#clock.now();
    const place = file(box.ledger, { folder, flags, size, now }, quota);
    if (place.kind === "overQuota") return place;
    const { uid, modseq, ledger } = place;
    const record: MessageRecord = {
      flags: flagSet(flags),
      internalDate: receivedAt,
      saveDate: receivedAt,
      size,
      modseq,
      prefix,
      bodyId,
      chunks: delivery.size === 0 ? 0 : 1,
      deliveryId,
    };
    box.delivered.add(id);
    const edits = [{ kind: "new", folder: place.folder.id, uid, record }] as const;
    box.write({ expect: box.sequence, ledger, edits, logs: [] });
    return { kind: "filed", uid, uidValidity: place.folder.uidValidity };
  }

  /** Read once per body, however many deliveries ask for it at the same time; who fails does not fail the others. */
  async #body(delivery: Delivery): Promise<MemoryBody> {
    for (;;) {
      const known = this.#coming.get(delivery.bodyId);
      if (!known) break;
      const body = await known.catch(() => undefined);
      if (body) return body;
    }
    const body = collected(delivery.bodyId, delivery.size, delivery.body()).then(memoryBody);
    this.#coming.set(delivery.bodyId, body);
    body.then(
      (read) => this.#bodies.set(delivery.bodyId, read),
      () => this.#coming.delete(delivery.bodyId),
    );
    return body;
  }

  /** What it has of a mailbox. */
  box(mailbox: MailboxName): MemoryBox {
    const found = this.#boxes.get(mailbox);
    if (found) return found;
    const made = new MemoryBox();
    this.#boxes.set(mailbox, made);
    return made;
  }

  open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession> {
    return this.#sessions.open(mailbox, options, signal);
  }

  async exclusive(mailbox: MailboxName): Promise<Exclusive | undefined> {
    if (this.#exclusive.has(mailbox)) return undefined;
    this.#exclusive.add(mailbox);
    const lost = new AbortController();
    return { lost: lost.signal, [Symbol.asyncDispose]: async () => void this.#exclusive.delete(mailbox) };
  }

  async status(mailbox: MailboxName): Promise<MailboxStatus | undefined> {
    const box = this.#boxes.get(mailbox);
    return box && box.ledger.folders.length > 0 ? statusOf(mailbox, box.ledger) : undefined;
  }

  async *mailboxes(): AsyncIterable<MailboxStatus> {
    for (const [mailbox, { ledger }] of this.#boxes)
      if (ledger.folders.length > 0) yield statusOf(mailbox, ledger);
  }

  async *messages(mailbox: MailboxName, name: string): AsyncIterable<StoredMessage> {
    const box = this.#boxes.get(mailbox);
    const folder = box && folderOf(box.ledger, name);
    const records = folder && box.records.get(folder.id);
    for (const [uid, { flags, internalDate, size, modseq }] of records ?? [])
      yield { folder: folder?.name ?? name, uid, flags, internalDate, size, modseq };
  }

  async read(
    mailbox: MailboxName,
    name: string,
    uid: Uid,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const box = this.box(mailbox);
    const folder = folderOf(box.ledger, name);
    const record = folder && box.records.get(folder.id)?.get(uid);
    if (!record) return undefined;
    const { prefix, bodyId, size } = record;
    const content = { prefix, bodyId, size: size - Buffer.byteLength(prefix) };
    return new MemoryJournal(mailbox, box, this.#bodies).read(content, undefined, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
    this.#boxes.clear();
    this.#bodies.clear();
  }
}
