/**
 * A session on a mailbox's cache.
 *
 * Spec: the contract in `session.ts`.
 */
import { Appender } from "./appender.ts";
import type { Cache } from "./cache.ts";
import type { Desk } from "./desk.ts";
import { CachedView } from "./folder-view.ts";
import { created, deleted, folderInfo, renamed, subscribed, target } from "./folders.ts";
import type { Edit, Journal } from "./journal.ts";
import { UNIT_MAX } from "./journal.ts";
import { folderOf, type Ledger, removed } from "./ledger.ts";
import { compareNames } from "./names.ts";
import { type Planned, refuseOver } from "./orders.ts";
import { recordOf } from "./record.ts";
import {
  type Append,
  type Appended,
  type MailboxChange,
  MailboxRefusal,
  type MailboxSession,
  type Usage,
} from "./session.ts";
import type { MailboxName, Quota } from "./store.ts";
import type { FolderInfo, FolderView, SpecialUse } from "./view.ts";

export interface SessionParts {
  readonly journal: Journal;
  readonly cache: Cache;
  readonly desk: Desk;
  readonly quota: () => Quota;
  readonly now: () => number;
  /** Called once, when the session has ended. */
  readonly release: () => Promise<void>;
}

export class CachedSession implements MailboxSession {
  readonly mailbox: MailboxName;
  readonly #parts: SessionParts;
  readonly #open = new Set<Disposable>();
  readonly #forget = new Set<() => void>();
  #closed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.mailbox = parts.journal.mailbox;
  }

  get lost(): AbortSignal {
    return this.#parts.cache.lost;
  }

  get #ledger(): Ledger {
    return this.#parts.cache.ledger;
  }

  folders(): readonly FolderInfo[] {
    const ledger = this.#ledger;
    const folders = ledger.folders.map((folder) => folderInfo(ledger, folder));
    return folders.sort((a, b) => compareNames(a.name, b.name));
  }

  folder(name: string): FolderInfo | undefined {
    const found = folderOf(this.#ledger, name);
    return found && folderInfo(this.#ledger, found);
  }

  subscriptions(): readonly string[] {
    return this.#ledger.subscriptions;
  }

  usage(): Usage {
    const { bytes, messages } = this.#ledger;
    return { bytes, messages, quota: this.#parts.quota() };
  }

  async sync(signal: AbortSignal): Promise<void> {
    await this.#parts.cache.sync(signal);
  }

  listen(listener: (change: MailboxChange) => void): () => void {
    const forget = this.#parts.cache.listen(listener);
    this.#forget.add(forget);
    return () => {
      this.#forget.delete(forget);
      forget();
    };
  }

  async create(name: string, use: SpecialUse | undefined, signal: AbortSignal): Promise<FolderInfo> {
    await this.#ledgerOrder((ledger) => created(ledger, name, use, this.#parts.now()), signal);
    const text = name.endsWith("/") ? name.slice(0, -1) : name;
    const made = this.folder(text);
    if (made) return made;
    throw new MailboxRefusal("NONEXISTENT", "the folder was deleted at once");
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#ledgerOrder((ledger) => renamed(ledger, from, to, this.#parts.now()), signal);
  }

  async subscribe(name: string, wanted: boolean, signal: AbortSignal): Promise<void> {
    if (this.#ledger.subscriptions.includes(name) === wanted) return;
    await this.#ledgerOrder((ledger) => subscribed(ledger, name, wanted), signal);
  }

  #ledgerOrder(change: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<void> {
    const plan = (before: Ledger): Planned<void> => ({
      answer: undefined,
      unit: { ledger: change(before), edits: [], logs: [] },
    });
    return this.#parts.desk.carryOut(plan, signal);
  }

  /** Its messages go in units of their own before the last one takes the folder away. */
  async delete(name: string, signal: AbortSignal): Promise<void> {
    const { cache, desk } = this.#parts;
    const { folder } = deleted(this.#ledger, name);
    const held = await cache.hold(folder.id, signal);
    try {
      for (let done = false; !done; ) done = await desk.carryOut((l) => planDelete(l, name, held), signal);
    } finally {
      cache.release(held);
    }
  }

  async select(name: string, signal: AbortSignal): Promise<FolderView | undefined> {
    const { journal, cache, desk, quota, now } = this.#parts;
    const found = folderOf(this.#ledger, name);
    if (!found) return undefined;
    const folder = await cache.hold(found.id, signal);
    const onClose = (view: Disposable) => this.#open.delete(view);
    const parts = { journal, cache, desk, folder, quota, now, onClose };
    const view = new CachedView(parts, folderInfo(cache.ledger, folder.ledger ?? found));
    this.#open.add(view);
    if (!this.#closed) return view;
    view[Symbol.dispose]();
    return undefined;
  }

  admit(folder: string, bytes: number): void {
    target(this.#ledger, folder);
    refuseOver(this.#ledger, bytes, 1, this.#parts.quota());
  }

  append(
    folder: string,
    messages: AsyncIterable<Append> | Iterable<Append>,
    signal: AbortSignal,
  ): Promise<Appended> {
    return new Appender(this.#parts).append(folder, messages, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const view of this.#open) view[Symbol.dispose]();
    for (const forget of this.#forget) forget();
    await this.#parts.release();
  }
}

type HeldFolder = Awaited<ReturnType<Cache["hold"]>>;

/** True when the folder is gone. */
function planDelete(ledger: Ledger, name: string, held: HeldFolder): Planned<boolean> {
  const { ledger: without, folder } = deleted(ledger, name);
  if (folder.id !== held.id) throw new MailboxRefusal("NONEXISTENT", "the folder was deleted meanwhile");
  const going = held.messages.slice(0, UNIT_MAX.removals);
  const edits = going.map(
    (message): Edit => ({ kind: "gone", folder: folder.id, uid: message.uid, record: recordOf(message) }),
  );
  if (going.length === held.messages.length)
    return { answer: true, unit: { ledger: without, edits, logs: [] } };
  const after = removed(ledger, folder, ledger.modseq + 1, going);
  return { answer: false, unit: { ledger: after, edits, logs: [] } };
}
