/**
 * The view of one folder that a session works with: orders go to the mailbox's desk in pieces of one unit each.
 *
 * Spec: the contract in `view.ts`.
 */
import type { Cache } from "./cache.ts";
import type { Desk } from "./desk.ts";
import type { Digest, Range } from "./digest.ts";
import { isKeyword } from "./flags.ts";
import type { FolderCache } from "./folder-cache.ts";
import { folderInfo, target } from "./folders.ts";
import { type Journal, SMALL, UNIT_MAX } from "./journal.ts";
import { folderOf } from "./ledger.ts";
import { planCopy, planExpunge, planFlags, planMove, refuseOver } from "./orders.ts";
import { MailboxRefusal } from "./session.ts";
import type { Quota, Uid } from "./store.ts";
import { vanishedAfter } from "./vanished.ts";
import type {
  Copied,
  FlagOrder,
  FlagsStored,
  FolderChange,
  FolderInfo,
  FolderView,
  Message,
  Vanished,
} from "./view.ts";

const TAKE_BACK_MS = 10_000;

export interface ViewParts {
  readonly journal: Journal;
  readonly cache: Cache;
  readonly desk: Desk;
  readonly folder: FolderCache;
  readonly quota: () => Quota;
  readonly now: () => number;
  /** Called once. */
  readonly onClose: (view: CachedView) => void;
}

export class CachedView implements FolderView {
  readonly #parts: ViewParts;
  readonly #forget = new Set<() => void>();
  #info: FolderInfo;
  #open = true;

  constructor(parts: ViewParts, info: FolderInfo) {
    this.#parts = parts;
    this.#info = info;
  }

  /** As it is now; of a folder that was deleted, as it was last. */
  get folder(): FolderInfo {
    const { cache, folder } = this.#parts;
    const { ledger } = folder;
    if (ledger) this.#info = folderInfo(cache.ledger, ledger);
    return this.#info;
  }

  get messages(): readonly Message[] {
    return this.#parts.folder.messages;
  }

  message(uid: Uid): Message | undefined {
    return this.#parts.folder.find(uid);
  }

  keywords(): readonly string[] {
    const found = new Map<string, string>();
    let last: readonly string[] | undefined;
    for (const { flags } of this.messages) {
      if (flags === last) continue; // equal sets are mostly the same array
      last = flags;
      for (const flag of flags)
        if (isKeyword(flag) && !found.has(flag.toLowerCase())) found.set(flag.toLowerCase(), flag);
    }
    return [...found.values()].sort();
  }

  listen(listener: (change: FolderChange) => void): () => void {
    const forget = this.#parts.folder.listen(listener);
    this.#forget.add(forget);
    return () => {
      this.#forget.delete(forget);
      forget();
    };
  }

  async store(order: FlagOrder, signal: AbortSignal): Promise<FlagsStored> {
    const { desk, folder } = this.#parts;
    const messages: Message[] = [];
    const modified: Uid[] = [];
    for (const uids of pieces(order.uids, UNIT_MAX.flags)) {
      const done = await desk.inFolder(folder, (source) => planFlags(source, { ...order, uids }), signal);
      messages.push(...done.messages);
      modified.push(...done.modified);
    }
    return { messages, modified };
  }

  async expunge(uids: readonly Uid[], signal: AbortSignal): Promise<readonly Uid[]> {
    const { desk, folder } = this.#parts;
    const gone: Uid[] = [];
    for (const piece of pieces(uids, UNIT_MAX.removals))
      gone.push(...(await desk.inFolder(folder, (source) => planExpunge(source, piece), signal)));
    return gone;
  }

  async copy(uids: readonly Uid[], name: string, signal: AbortSignal): Promise<Copied> {
    const { cache, folder, quota, now, journal, desk } = this.#parts;
    target(cache.ledger, name);
    const wanted = uids.flatMap((uid) => folder.find(uid) ?? []);
    const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
    refuseOver(cache.ledger, bytes, wanted.length, quota());
    const made: Uid[] = [];
    const { uidValidity } = target(cache.ledger, name);
    try {
      return await this.#row([...pieces(uids, UNIT_MAX.copies)], name, async (piece) => {
        const order = { uids: piece, target: name, quota: quota(), now: now(), newDeliveryId };
        const copied = await desk.inFolder(folder, (source) => planCopy(source, order), signal);
        if (copied.uidValidity === uidValidity) made.push(...copied.to);
        return copied;
      });
    } catch (error) {
      if (made.length > 0) await this.#takeBack(name, uidValidity, made).catch(() => {}); // the first reason counts
      throw error;
    }
    function newDeliveryId() {
      return journal.newDeliveryId();
    }
  }

  /** A COPY that fails leaves its target as it was, as far as the store lets us. RFC 9051 §6.4.7 */
  async #takeBack(name: string, uidValidity: number, made: readonly Uid[]): Promise<void> {
    const { cache, desk } = this.#parts;
    const found = folderOf(cache.ledger, name);
    if (found?.uidValidity !== uidValidity) return; // they went with the folder
    const patience = AbortSignal.timeout(TAKE_BACK_MS);
    const held = await cache.hold(found.id, patience);
    try {
      for (const piece of pieces(made, UNIT_MAX.removals))
        await desk.inFolder(held, (source) => planExpunge(source, piece), patience);
    } finally {
      cache.release(held);
    }
  }

  async move(uids: readonly Uid[], name: string, signal: AbortSignal): Promise<Copied> {
    const { cache, folder, now, desk } = this.#parts;
    target(cache.ledger, name);
    return this.#row([...pieces(uids, UNIT_MAX.moves)], name, (piece) =>
      desk.inFolder(folder, (source) => planMove(source, { uids: piece, target: name, now: now() }), signal),
    );
  }

  /** The target may be deleted and made anew in between: then the rest is not for it. */
  async #row(
    row: readonly (readonly Uid[])[],
    name: string,
    one: (piece: readonly Uid[]) => Promise<Copied>,
  ): Promise<Copied> {
    const { uidValidity } = target(this.#parts.cache.ledger, name);
    const from: Uid[] = [];
    const to: Uid[] = [];
    for (const piece of row) {
      const done = await one(piece);
      if (done.uidValidity !== uidValidity && from.length > 0)
        throw new MailboxRefusal("NONEXISTENT", "the folder was deleted meanwhile");
      from.push(...done.from);
      to.push(...done.to);
      if (row.length === 1) return done;
    }
    return { uidValidity, from, to };
  }

  digests(messages: readonly Message[], signal: AbortSignal): Promise<readonly Digest[]> {
    return this.#parts.journal.digests(
      messages.map(({ content }) => content),
      signal,
    );
  }

  read(message: Message, range: Range | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#parts.journal.read(message.content, range, signal);
  }

  octets(messages: readonly Message[], signal: AbortSignal): Promise<readonly (Buffer | undefined)[]> {
    return this.#parts.journal.octets(
      messages.map(({ content }) => content),
      signal,
    );
  }

  async vanished(modseq: number): Promise<Vanished> {
    return vanishedAfter(this.#parts.folder.log, modseq);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    for (const forget of this.#forget) forget();
    this.#parts.cache.release(this.#parts.folder);
    this.#parts.onClose(this);
  }
}

/** Its octets are one record of the store: read at once, together with others. */
export const isSmall = ({ content }: Message): boolean => content.size <= SMALL;

/** Each piece in rising order, as UIDs of what is made must be too. */
function* pieces(uids: readonly Uid[], most: number): Iterable<readonly Uid[]> {
  const rising = [...new Set(uids)].sort((a, b) => a - b);
  for (let at = 0; at < rising.length; at += most) yield rising.slice(at, at + most);
}
